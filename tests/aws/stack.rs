//! The template of the deployment, created on an emulator of CloudFormation.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aws_sdk_sqs::types::QueueAttributeName;
use emam_aws::settings::{ArchiveMode, AwsSettings};
use emam_core::model::AnnotationKind;
use emam_tests::aws::{account, address, fresh_name};
use serde_json::Value;

/// An emulator of CloudFormation, and a Python with boto3.
struct Place {
    ministack: String,
    python: String,
}

impl Place {
    fn find() -> Option<Self> {
        let (ministack, python) = (address("EMAM_AWS_MINISTACK")?, address("EMAM_AWS_PYTHON")?);
        Some(Self { ministack, python })
    }

    fn create(&self, name: &str, template: &Path, parameters: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fakes/stack.py");
        let mut stack = Command::new(&self.python);
        stack.env_remove("AWS_CA_BUNDLE").arg(script).args(["--endpoint", &self.ministack]);
        stack.args(["--name", name, "--template"]).arg(template);
        for parameter in parameters {
            stack.args(["--parameter", parameter]);
        }
        stack.output().expect("the Python that EMAM_AWS_PYTHON names")
    }
}

fn template(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../emam-aws/deploy").join(name)
}

#[tokio::test]
async fn the_stack_is_created_and_its_settings_are_complete() {
    let Some(place) = Place::find() else { return };
    let name = fresh_name("stack");
    let output = place.create(
        &name,
        &template("emam.yaml"),
        &[
            "IsEmulated=true",
            "Analyze=label,speech",
            "Languages=en-US,de-DE",
            "SeparateArchive=true",
            "EndpointUrl=http://127.0.0.1:1",
            &format!(r#"Endpoints={{"sqs": "{0}", "dynamodb": "{0}"}}"#, place.ministack),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let outputs: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = outputs["Settings"].as_str().expect("the output Settings");
    let settings = AwsSettings::from_json(text).expect("settings of a stack");

    assert_eq!(settings.stack, name);
    assert_eq!(settings.region.as_deref(), Some("us-east-1"));
    assert!(settings.path_style);
    assert_eq!(settings.buckets.iter().count(), 4);
    assert_eq!(outputs["OriginalsBucket"], settings.buckets.originals.name.as_str());
    assert_eq!(settings.analyze, [AnnotationKind::Label, AnnotationKind::Speech]);
    assert_eq!(settings.transcribe.expect("Transcribe").languages, ["en-US", "de-DE"]);
    // What moves tagged objects is a lifecycle, and an emulator follows none.
    assert_eq!(settings.archive.mode, ArchiveMode::Immediate);

    // What the settings name is there.
    let config = account(&place.ministack).await;
    let queue = settings.events.queue_url.expect("a queue");
    let sqs = aws_sdk_sqs::Client::new(&config);
    let asked = sqs.get_queue_attributes().queue_url(&queue);
    let told = asked.attribute_names(QueueAttributeName::RedrivePolicy).send().await;
    let told = told.expect("the queue").attributes.unwrap_or_default();
    assert!(told[&QueueAttributeName::RedrivePolicy].contains("maxReceiveCount"), "{told:?}");
    let tables = aws_sdk_dynamodb::Client::new(&config);
    for table in [settings.runs.ingest_table, settings.runs.delivery_table] {
        let table = table.expect("a table");
        let found = tables.describe_table().table_name(&table).send().await.expect("a table");
        let indexes = found.table.expect("it").global_secondary_indexes.unwrap_or_default();
        assert_eq!(indexes[0].index_name.as_deref(), Some("due"), "{table}");
    }
}

#[test]
fn a_stack_that_cannot_be_created_says_why() {
    let Some(place) = Place::find() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.yaml");
    let text = "Resources:\n  Nothing:\n    Type: AWS::Nothing::AtAll\n";
    std::fs::write(&broken, text).expect("written");
    let output = place.create(&fresh_name("broken"), &broken, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("AWS::Nothing::AtAll"), "{said}");
}
