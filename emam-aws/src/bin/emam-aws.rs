//! The program `emam-aws`: the command line of [`emam_aws::cli`].

#[tokio::main]
async fn main() {
    let code = emam_aws::cli::main(std::env::args_os().skip(1).collect()).await;
    // Not by returning: that would wait for a thread that reads from a terminal.
    std::process::exit(code.into());
}
