//! How the phones of a trunk's agents are reached.
use cxc_core::call_settings::{phone_host, phone_transport};
use cxc_server::outbound::Reach;
use cxc_sip::engine::Phone;
use cxc_sip::ua::{Transport, Trust};

use super::setup::{resolve, transport, trust};
use crate::channel::{ChannelAccount, Srtp};

/// By what phones are called that do not say it, and who vouches for those that are called by TLS.
#[derive(Debug, Clone, Default)]
pub struct Phones {
    transport: Transport,
    trust: Option<Trust>,
    /// Phones by TLS take encrypted audio, as the trunk does.
    srtp: bool,
}

impl Phones {
    /// As the account of the trunk says. Its TLS is for its own host: phones ask for theirs.
    pub fn of(account: &ChannelAccount) -> Self {
        let transport = match transport(account) {
            Transport::Tls => Transport::Udp,
            plain => plain,
        };
        // without it no phone is called by TLS; that the certificate is bad is said of the trunk itself
        let srtp = account.sip.as_ref().is_some_and(|sip| sip.srtp == Srtp::Required);
        Self { transport, trust: trust(account).ok(), srtp }
    }

    /// A phone within reach of the installation.
    pub async fn find(&self, reach: &Reach, uri: &str) -> Result<Phone, String> {
        let (host, port) = phone_host(uri).ok_or("this is no address of a phone")?;
        let transport = match phone_transport(uri) {
            Some("tls") => Transport::Tls,
            Some("tcp") => Transport::Tcp,
            Some(_) => Transport::Udp,
            None => self.transport,
        };
        let place = Some(resolve(reach, host, port).await?);
        let srtp = self.srtp && transport == Transport::Tls;
        Ok(Phone { place, transport, trust: self.trust.clone(), srtp, ..Phone::at(uri) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_phone_says_how_it_is_called_else_its_trunk_does() {
        let account = |transport: &str| -> ChannelAccount {
            let text = format!(r#"{{"kind":"sip","host":"h","sip":{{"transport":"{transport}","countries":["US"]}}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let reach = Reach::new(&["127.0.0.0/8".parse().unwrap()]);
        let by = async |trunk: &str, uri: &str| Phones::of(&account(trunk)).find(&reach, uri).await.unwrap();
        assert_eq!(by("udp", "sip:a@127.0.0.1").await.transport, Transport::Udp);
        assert_eq!(by("tcp", "sip:a@127.0.0.1").await.transport, Transport::Tcp);
        assert_eq!(by("tls", "sip:a@127.0.0.1").await.transport, Transport::Udp);
        let secure = by("udp", "sip:a@127.0.0.1;transport=tls").await;
        assert_eq!((secure.transport, secure.place), (Transport::Tls, Some("127.0.0.1:5061".parse().unwrap())));
        assert!(secure.trust.is_some() && !secure.srtp);
    }
}
