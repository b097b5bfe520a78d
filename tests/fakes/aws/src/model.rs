//! The public models of the services: which operations there are and how they look on the wire.

mod check;
mod route;
mod shape;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::Value;

pub use check::{Checked, Violation};
pub use route::Routed;
use shape::{File, Operation, Shape};

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// REST with JSON bodies: the operation is in the method and the path.
    RestJson,
    /// JSON 1.1: every request is a POST, the operation is in `X-Amz-Target`.
    Json11,
}

/// The model of one service.
#[derive(Debug)]
pub struct Model {
    /// The name it signs with, for example `mediaconvert`.
    pub service: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
    target_prefix: String,
    operations: BTreeMap<String, Operation>,
    shapes: HashMap<String, Shape>,
    /// The patterns of the shapes. One that this engine cannot run (it has no look-ahead) is absent
    /// and not checked.
    patterns: HashMap<String, Regex>,
}

/// The models of all emulated services.
#[derive(Debug)]
pub struct Models {
    /// AWS Elemental MediaConvert.
    pub mediaconvert: Model,
    /// Amazon Rekognition.
    pub rekognition: Model,
    /// Amazon Transcribe.
    pub transcribe: Model,
    /// The Glacier service of vaults.
    pub glacier: Model,
}

impl Models {
    /// Unpacks the models this program carries.
    ///
    /// # Errors
    /// A model that cannot be read: the program was built wrong.
    pub fn load() -> Result<Self> {
        let mediaconvert = include_bytes!("../models/mediaconvert.json.gz");
        let rekognition = include_bytes!("../models/rekognition.json.gz");
        let transcribe = include_bytes!("../models/transcribe.json.gz");
        let glacier = include_bytes!("../models/glacier.json.gz");
        Ok(Self {
            mediaconvert: Model::unpack("mediaconvert", mediaconvert)?,
            rekognition: Model::unpack("rekognition", rekognition)?,
            transcribe: Model::unpack("transcribe", transcribe)?,
            glacier: Model::unpack("glacier", glacier)?,
        })
    }

    /// The model of the service that signs with `name`.
    pub fn by_name(&self, name: &str) -> Option<&Model> {
        self.all().into_iter().find(|model| model.service == name)
    }

    /// The model whose operations `X-Amz-Target` names, with the operation's name.
    pub fn by_target<'a>(&self, target: &'a str) -> Option<(&Model, &'a str)> {
        let (prefix, operation) = target.split_once('.')?;
        let speaks =
            |model: &&Model| model.protocol == Protocol::Json11 && model.target_prefix == prefix;
        Some((self.all().into_iter().find(speaks)?, operation))
    }

    fn all(&self) -> [&Model; 4] {
        [&self.mediaconvert, &self.rekognition, &self.transcribe, &self.glacier]
    }
}

impl Model {
    fn unpack(service: &'static str, packed: &[u8]) -> Result<Self> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed)
            .read_to_string(&mut text)
            .with_context(|| format!("unpacking the model of {service}"))?;
        let file: File = serde_json::from_str(&text)
            .with_context(|| format!("reading the model of {service}"))?;
        let protocol = match file.metadata.protocol.as_str() {
            "json" => Protocol::Json11,
            "rest-json" => Protocol::RestJson,
            other => anyhow::bail!("{service} speaks {other}, which is not emulated"),
        };
        let patterns = file.shapes.values().filter_map(|shape| shape.pattern.as_deref());
        let patterns = patterns
            .filter_map(|pattern| Some((pattern.to_owned(), check::whole(pattern)?)))
            .collect();
        Ok(Self {
            service,
            protocol,
            target_prefix: file.metadata.target_prefix,
            operations: file.operations,
            shapes: file.shapes,
            patterns,
        })
    }

    /// Whether there is such an operation.
    pub fn has(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    /// The HTTP status of a success of `operation`.
    pub fn success(&self, operation: &str) -> u16 {
        self.operations.get(operation).and_then(|found| found.http.response_code).unwrap_or(200)
    }

    /// Checks what a client asks.
    ///
    /// # Errors
    /// The first thing that is not as the model has it.
    pub fn check_request(&self, operation: &str, input: &Value) -> Checked {
        let operation = self.operations.get(operation);
        self.check(operation.and_then(|found| found.input.as_ref()), input, true)
    }

    /// Checks what the emulated service answers: an answer the real service cannot give would let
    /// a test pass on it.
    ///
    /// # Errors
    /// The first thing that is not as the model has it.
    pub fn check_answer(&self, operation: &str, output: &Value) -> Checked {
        let operation = self.operations.get(operation);
        self.check(operation.and_then(|found| found.output.as_ref()), output, false)
    }
}
