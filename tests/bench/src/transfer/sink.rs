//! A server that costs next to nothing: it throws away what it is sent and gives zeros.
//!
//! It speaks as much of S3 as the clients of the benchmark need, over threads and plain sockets, so
//! that what is measured is the client.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

/// Serves zeros of the size the key's last number tells, and throws away everything else.
#[derive(Debug, clap::Args)]
pub(crate) struct Sink {
    /// Where to listen, for example `127.0.0.1:0`; the address is told on standard output.
    #[arg(default_value = "127.0.0.1:0")]
    listen: String,
}

/// A part: its size and the checksum it came with.
type Parts = BTreeMap<u32, (u64, String)>;

#[derive(Debug, Default)]
struct State {
    uploads: Mutex<HashMap<String, Parts>>,
}

const ETAG: &str = "\"00000000000000000000000000000000\"";

pub(crate) fn serve(arguments: &Sink) -> Result<()> {
    let listener = TcpListener::bind(&arguments.listen)?;
    println!("http://{}", listener.local_addr()?);
    let state = Arc::new(State::default());
    for connection in listener.incoming() {
        let (connection, state) = (connection?, Arc::clone(&state));
        std::thread::spawn(move || {
            // A client that goes away is no fault of the server.
            let _ = answer_all(connection, &state);
        });
    }
    Ok(())
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    length: u64,
}

fn answer_all(connection: TcpStream, state: &State) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut out = connection.try_clone()?;
    let mut reader = BufReader::with_capacity(256 << 10, connection);
    while let Some(request) = read_head(&mut reader)? {
        if request.headers.get("expect").is_some_and(|value| value == "100-continue") {
            out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        discard(&mut reader, request.length)?;
        answer(&mut out, &request, state)?;
    }
    Ok(())
}

fn read_head(reader: &mut impl BufRead) -> Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().context("a method")?.to_owned();
    let target = words.next().context("a target")?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    Ok(Some(Request { method, path, query, headers, length }))
}

fn discard(reader: &mut impl BufRead, mut length: u64) -> Result<()> {
    while length > 0 {
        let there = reader.fill_buf()?.len().min(usize::try_from(length)?);
        anyhow::ensure!(there > 0, "the body ended");
        reader.consume(there);
        length -= there as u64;
    }
    Ok(())
}

impl Request {
    fn argument(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| match pair.split_once('=') {
            Some((found, value)) => (found == name).then_some(value),
            None => (pair == name).then_some(""),
        })
    }

    /// The size that the key's last number tells.
    fn size(&self) -> u64 {
        self.path.rsplit('-').next().and_then(|size| size.parse().ok()).unwrap_or(0)
    }
}

fn answer(out: &mut TcpStream, request: &Request, state: &State) -> Result<()> {
    let uploads = || state.uploads.lock().unwrap_or_else(PoisonError::into_inner);
    let crc64 = request.headers.get("x-amz-checksum-crc64nvme").cloned().unwrap_or_default();
    match (request.method.as_str(), request.argument("uploadId"), request.argument("partNumber")) {
        ("POST", None, _) if request.argument("uploads").is_some() => {
            let id = format!("upload-{}", uploads().len());
            uploads().insert(id.clone(), Parts::new());
            let inner = format!("<UploadId>{id}</UploadId>");
            xml(out, "InitiateMultipartUploadResult", &inner)
        }
        ("PUT", Some(id), Some(number)) => {
            let part = (request.length, crc64.clone());
            uploads().entry(id.to_owned()).or_default().insert(number.parse()?, part);
            let header = checksum_header(&crc64);
            head(out, 200, 0, &format!("ETag: {ETAG}\r\n{header}"))
        }
        ("GET", Some(id), _) => {
            let parts = uploads().get(id).cloned().unwrap_or_default();
            let parts = parts.iter().map(|(number, (size, crc64))| {
                format!(
                    "<Part><PartNumber>{number}</PartNumber><ETag>{ETAG}</ETag><Size>{size}</Size>\
                     <ChecksumCRC64NVME>{crc64}</ChecksumCRC64NVME></Part>"
                )
            });
            let parts: String = parts.collect();
            xml(out, "ListPartsResult", &format!("<IsTruncated>false</IsTruncated>{parts}"))
        }
        ("POST", Some(id), _) => {
            uploads().remove(id);
            let sum = match crc64.is_empty() {
                true => String::new(),
                false => format!("<ChecksumCRC64NVME>{crc64}</ChecksumCRC64NVME>"),
            };
            xml(out, "CompleteMultipartUploadResult", &format!("<ETag>{ETAG}</ETag>{sum}"))
        }
        ("PUT", ..) => head(out, 200, 0, &format!("ETag: {ETAG}\r\n{}", checksum_header(&crc64))),
        ("HEAD", ..) => {
            let told = format!("ETag: {ETAG}\r\nAccept-Ranges: bytes\r\n");
            head(out, 200, request.size(), &told)
        }
        ("GET", ..) if request.size() > 0 => zeros(out, request),
        ("GET", ..) => xml(out, "ListBucketResult", "<IsTruncated>false</IsTruncated>"),
        _ => head(out, 204, 0, ""),
    }
}

fn checksum_header(crc64: &str) -> String {
    match crc64.is_empty() {
        true => String::new(),
        false => format!("x-amz-checksum-crc64nvme: {crc64}\r\n"),
    }
}

fn zeros(out: &mut TcpStream, request: &Request) -> Result<()> {
    static ZEROS: [u8; 256 << 10] = [0; 256 << 10];
    let size = request.size();
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    let range = range.and_then(|range| range.split_once('-'));
    let (start, end) = match range {
        Some((start, last)) => {
            (start.parse()?, last.parse::<u64>().map_or(size, |last| size.min(last + 1)))
        }
        None => (0, size),
    };
    let told = format!("ETag: {ETAG}\r\nAccept-Ranges: bytes\r\n");
    match range {
        Some(_) => {
            let told = format!("{told}Content-Range: bytes {start}-{}/{size}\r\n", end - 1);
            head(out, 206, end - start, &told)?;
        }
        None => head(out, 200, size, &told)?,
    }
    let mut left = end - start;
    while left > 0 {
        let count = left.min(ZEROS.len() as u64);
        out.write_all(&ZEROS[..usize::try_from(count)?])?;
        left -= count;
    }
    Ok(())
}

fn xml(out: &mut TcpStream, name: &str, inner: &str) -> Result<()> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{name}>"
    );
    head(out, 200, body.len() as u64, "Content-Type: application/xml\r\n")?;
    Ok(out.write_all(body.as_bytes())?)
}

fn head(out: &mut TcpStream, status: u16, length: u64, more: &str) -> Result<()> {
    let text = format!(
        "HTTP/1.1 {status} OK\r\nContent-Length: {length}\r\n\
         Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: AmazonS3\r\n{more}\r\n"
    );
    Ok(out.write_all(text.as_bytes())?)
}
