//! Looks names up for the HTTP client, and leaves out the addresses that must not be reached.
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Reach;

/// Resolves to the addresses within reach.
pub(super) struct Within(pub Reach);

impl Resolve for Within {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let open = reach.resolve(name.as_str(), 0).await?;
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}
