//! The one way to the account: credentials, region, endpoints, one HTTP client for all services.

use std::collections::BTreeMap;
use std::fmt;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Where the account is and how it is reached. Credentials are found by the SDK's own chain:
/// environment, profile, container, instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The region, for example `eu-west-1`; the SDK's own chain when absent.
    pub region: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The address of all services, for emulators and S3-compatible stores.
    pub endpoint_url: Option<String>,
    /// The address of one service, by its short name: `s3`, `mediaconvert`.
    pub endpoints: BTreeMap<String, String>,
    /// Whether buckets are named in the path and not in the host: what most S3-compatible stores
    /// want.
    pub path_style: bool,
}

/// The way to an AWS account. Cheap to clone.
#[derive(Clone)]
pub struct AwsContext {
    config: SdkConfig,
    access: Access,
}

impl fmt::Debug for AwsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration holds credentials.
        f.debug_struct("AwsContext").field("access", &self.access).finish_non_exhaustive()
    }
}

impl AwsContext {
    /// Finds out how to reach the account. Asks no service; wrong credentials show with the first
    /// call.
    pub async fn connect(access: Access) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if let Some(region) = &access.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &access.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &access.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Ok(app) = aws_config::AppName::new(concat!("emam-", env!("CARGO_PKG_VERSION"))) {
            loader = loader.app_name(app);
        }
        Self { config: loader.load().await, access }
    }

    /// The configuration of one service, by its short name (`s3`, `mediaconvert`): the shared one,
    /// at the service's own address where it has one.
    pub fn of(&self, service: &str) -> SdkConfig {
        match self.access.endpoints.get(service) {
            Some(url) => self.config.to_builder().endpoint_url(url).build(),
            None => self.config.clone(),
        }
    }

    /// The region that was found.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(Region::as_ref)
    }

    /// How the account is reached.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// A client of S3.
    #[cfg(feature = "s3")]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.of("s3"))
            .force_path_style(self.access.path_style)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}
