//! The desk of an agent in a terminal.
use clap::Args;

/// `cxc agent`.
#[derive(Debug, Args)]
pub struct Agent {
    /// Where the platform is, such as https://cxc.example.com
    #[arg(long, default_value = "http://127.0.0.1:3000", value_name = "URL")]
    pub server: String,
    /// As at sign-in: DOMAIN\USER
    #[arg(long)]
    pub user: String,
    /// The phone that is called, such as sip:ann@10.0.0.7:5060 [default: that of the user]
    #[arg(long, value_name = "URI")]
    pub phone: Option<String>,
}
