//! emam inside an axum server of yours: your routes, and the gateway under `/media`.
//!
//! ```text
//! cargo run --bin embed_axum -- FOLDER
//! cargo test --bin embed_axum
//! ```

use axum::Router;
use axum::routing::get;
use emam_core::gateway::{Gateway, GatewayOptions};
use emam_core::{Library, Result};

/// Your application. The gateway keeps its own protections; what you put before it comes first.
fn app(gateway: &Gateway) -> Router {
    Router::new()
        .route("/", get(|| async { "The cutting room. Its media is under /media/v1." }))
        .nest("/media", gateway.router())
}

fn gateway(library: &Library) -> Result<Gateway> {
    // The names people reach this server by, besides localhost.
    let allow_hosts = vec!["cutting-room.example.com".to_owned()];
    Gateway::new(library.clone(), GatewayOptions { allow_hosts, ..GatewayOptions::default() })
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("which folder? embed_axum FOLDER")?;
    let library = Library::open(folder).await?;
    let gateway = gateway(&library)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}", listener.local_addr()?);

    let stop = gateway.clone();
    axum::serve(listener, app(&gateway))
        .with_graceful_shutdown(async move {
            let _ = tokio::signal::ctrl_c().await;
            stop.close(); // streams have no end of their own
        })
        .await?;
    library.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn both_are_served_and_the_gateway_stays_careful() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path()).await.unwrap();
        let gateway = gateway(&library).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(axum::serve(listener, app(&gateway)).into_future());
        let get = |path: &str, host: &str| {
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        };
        assert!(ask(address, &get("/", "localhost")).await.contains("cutting room"));
        let health = ask(address, &get("/media/v1/health", "cutting-room.example.com")).await;
        assert!(health.contains("\"library\":\"open\""), "{health}");
        let foreign = ask(address, &get("/media/v1/health", "evil.example")).await;
        assert!(foreign.starts_with("HTTP/1.1 421"), "{foreign}");

        // A signed address leads to where the gateway is.
        std::fs::write(folder.path().join("notes.txt"), "It rains.").unwrap();
        let run = library.assets().ingest(folder.path().join("notes.txt"), Default::default());
        let asset = run.await.unwrap().join().await.unwrap();
        let body = format!("{{\"asset\":\"{}\",\"role\":\"original\"}}", asset.id);
        let signed = ask(
            address,
            &format!(
                "POST /media/v1/media-url HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        )
        .await;
        assert!(signed.contains("http://localhost/media/v1/media/"), "{signed}");
        let url = signed.split("http://localhost").nth(1).unwrap().split('"').next().unwrap();
        assert!(ask(address, &get(url, "localhost")).await.ends_with("It rains."));
        serving.abort();
        library.close().await;
    }
}
