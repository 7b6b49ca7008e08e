//! What the server kit is told of the configuration.
use cxc_server::ServerConfig;
use cxc_server::app::RateLimit;

use crate::config::Config;

/// The server's part of the configuration. `port` is the public port as it was opened, if it was.
pub fn of(config: &Config, port: Option<u16>) -> ServerConfig {
    let port = port.unwrap_or(config.http.port);
    let limit = RateLimit { per_second: config.limits.requests_per_second, burst: config.limits.burst };
    ServerConfig {
        public_base_url: config.public_url.clone().unwrap_or_else(|| format!("http://127.0.0.1:{port}")),
        session_idle: config.access.session_idle,
        session_absolute: config.access.session_absolute,
        token_life: config.access.token_life,
        login_failures_per_user: config.access.failures_per_user,
        login_failures_per_address: config.access.failures_per_address,
        login_window: config.access.failure_window,
        rate_limit: Some(limit).filter(|limit| limit.per_second > 0),
        trust_forwarded: config.http.trust_forwarded,
        body_limit: config.limits.body_bytes,
        number_cache: Some(config.data_dir.join("numbers")),
        files: Some(config.data_dir.clone()),
        recordings: Some(config.recordings()),
        sender_lease: config.sender_lease,
        sender_open_attempts: config.sender_open_attempts,
        outbound_networks: config.outbound_networks.clone(),
        channel_networks: config.channel_networks.clone(),
        outbound_roots: config.outbound_ca.as_ref().map(|ca| ca.roots.clone()).unwrap_or_default(),
        version: env!("CARGO_PKG_VERSION").into(),
        build: option_env!("CXC_BUILD").unwrap_or_default().into(),
        ..ServerConfig::default()
    }
}
