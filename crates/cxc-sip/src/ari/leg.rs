//! One call by Asterisk, from its order to its end. It tells the same as a call by our own SIP.
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::events::Heard;
use super::rest::RestError;
use super::{Asterisk, Inner, Originate};
use crate::media::{MediaEvent, Stream};
use crate::sdp::{self, Agreed, Local};
use crate::ua::{Failure, LegEvent};

/// How long a channel may take to end that was told to.
const FAREWELL: Duration = Duration::from_secs(32);
/// Where nobody takes audio: the call is over already.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// What is wanted of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Cancel,
    Hangup,
}

/// A call. It is hung up when this is dropped.
pub(crate) struct Leg {
    told: UnboundedReceiver<LegEvent>,
    wants: UnboundedSender<Want>,
}

/// The ends of a call that its leg does not show: its audio, the keys of its person, and who waits until it is gone.
pub(crate) struct Ends<'a> {
    pub stream: &'a Stream,
    pub digits: UnboundedSender<MediaEvent>,
    pub open: Arc<()>,
    /// Begins the id of its channel, after the name of the application.
    pub prefix: &'a str,
}

impl Leg {
    /// Places a call on a task of its own.
    pub fn place(asterisk: &Asterisk, call: Originate, ends: Ends<'_>) -> Self {
        let (tell, told) = unbounded_channel();
        let (wants, wanted) = unbounded_channel();
        let (press, keys) = unbounded_channel();
        ends.stream.press_by(press);
        let inner = Arc::clone(&asterisk.inner);
        let channel = format!("{}{}{:016x}", inner.prefix(), ends.prefix, random());
        // before it is asked for: events may come before the answer
        let heard = inner.follow(&channel);
        let leg = Work {
            media: format!("{channel}-m"),
            bridge: format!("{channel}-b"),
            ours: ends.stream.local(),
            channel,
            inner,
            tell,
            heard,
            wanted,
            keys,
            digits: ends.digits,
            rang: false,
            cancelled: None,
            is_abandoned: false,
            is_let_go: false,
            is_gone: false,
        };
        let open = ends.open;
        tokio::spawn(async move {
            leg.run(&call).await;
            drop(open);
        });
        Self { told, wants }
    }

    /// What happens next; none once the call is over. May be dropped and called again.
    pub async fn next(&mut self) -> Option<LegEvent> {
        self.told.recv().await
    }

    /// Asks for the end of a call that nobody has answered.
    pub fn cancel(&self) {
        self.want(Want::Cancel);
    }

    /// Ends the call.
    pub fn hangup(&self) {
        self.want(Want::Hangup);
    }

    fn want(&self, want: Want) {
        // a call that has just ended does without
        let _over = self.wants.send(want);
    }
}

fn random() -> u64 {
    let mut random = [0; 8];
    // a channel of a number that is there already is refused, and the call is not placed
    let _zero = getrandom::fill(&mut random);
    u64::from_be_bytes(random)
}

struct Work {
    inner: Arc<Inner>,
    channel: String,
    media: String,
    bridge: String,
    /// Where we take audio.
    ours: SocketAddr,
    tell: UnboundedSender<LegEvent>,
    heard: UnboundedReceiver<Heard>,
    wanted: UnboundedReceiver<Want>,
    keys: UnboundedReceiver<String>,
    digits: UnboundedSender<MediaEvent>,
    rang: bool,
    /// Until when its end is waited for, once that was asked for.
    cancelled: Option<Instant>,
    /// Nobody waits for an answer any more.
    is_abandoned: bool,
    /// Nobody will say any more what is wanted.
    is_let_go: bool,
    /// Its channel has ended, or is about to.
    is_gone: bool,
}

/// What becomes of a call before it is answered.
enum Begun {
    Answered,
    Failed(Failure),
}

impl Work {
    async fn run(mut self, call: &Originate) {
        match self.inner.originate(&self.channel, call).await {
            Ok(()) => {
                self.say(LegEvent::Sent);
                // Asterisk works on it, and it can be cancelled from now on
                self.say(LegEvent::Provisional);
                self.life().await;
            }
            Err(error) => {
                tracing::warn!(%error, "a call could not be placed by Asterisk");
                self.is_gone = !matches!(error, RestError::Unclear(_));
                self.say(LegEvent::Failed(not_placed(&error)));
            }
        }
        for channel in [&self.channel, &self.media] {
            self.inner.legs().remove(channel);
        }
        if !self.is_gone {
            self.inner.end_surely(&self.channel).await;
        }
    }

    async fn life(&mut self) {
        match self.begin().await {
            Begun::Failed(failure) => self.say(LegEvent::Failed(failure)),
            Begun::Answered if self.is_abandoned => {
                self.hang_up().await;
                self.say(LegEvent::Failed(self.failure()));
            }
            Begun::Answered => {
                self.talk().await;
                self.hang_up().await;
                self.say(LegEvent::Ended);
                // what is left goes once the other channel has gone
                if let Err(error) = self.inner.end(&self.media).await {
                    tracing::debug!(%error, "a media channel of Asterisk could not be ended");
                }
                self.inner.close_bridge(&self.bridge).await;
            }
        }
    }

    /// Until it is answered or has failed.
    async fn begin(&mut self) -> Begun {
        let (mut is_up, mut is_ours) = (false, false);
        while !(is_up && is_ours) {
            let give_up = self.cancelled;
            tokio::select! {
                heard = self.heard.recv() => match heard {
                    Some(Heard::Rings) => self.ring(),
                    Some(Heard::IsUp) => is_up = true,
                    Some(Heard::Started { is_up: now }) => (is_up, is_ours) = (is_up || now, true),
                    Some(Heard::Destroyed(cause, text)) => {
                        self.is_gone = true;
                        return Begun::Failed(self.destroyed(cause, &text));
                    }
                    Some(Heard::Lost) | None => return Begun::Failed(Failure { broken: true, ..self.failure() }),
                    Some(Heard::Proceeds | Heard::Digit(_)) => (),
                },
                want = self.wanted.recv(), if !self.is_let_go => self.give_up(want).await,
                () = until(give_up) => return Begun::Failed(self.failure()),
            }
        }
        Begun::Answered
    }

    fn ring(&mut self) {
        if !std::mem::replace(&mut self.rang, true) {
            self.say(LegEvent::Ringing(Vec::new()));
        }
    }

    /// Asks for its end, once.
    async fn give_up(&mut self, want: Option<Want>) {
        self.is_abandoned |= want != Some(Want::Cancel);
        if self.cancelled.is_none() {
            self.cancelled = Some(Instant::now() + FAREWELL);
            self.hang_up().await;
        }
        self.is_let_go = want.is_none();
    }

    async fn hang_up(&mut self) {
        if self.is_gone {
            return;
        }
        match self.inner.end(&self.channel).await {
            Ok(()) => self.is_gone = true,
            Err(error) => tracing::warn!(%error, "a channel of Asterisk could not be ended yet"),
        }
    }

    /// From its answer to its end.
    async fn talk(&mut self) {
        let mut media_heard = self.inner.follow(&self.media);
        let remote = self.open_media().await;
        let described = match &remote {
            Ok(remote) => self.described(*remote, true),
            // the answer crossed our cancellation, which has ended it: it was an answer all the same
            Err(_) if self.cancelled.is_some() => self.described(NOWHERE, false),
            Err(error) => {
                tracing::warn!(%error, "the audio of a call by Asterisk can't be had");
                Vec::new()
            }
        };
        self.say(LegEvent::Answered(described));
        let (inner, channel, media, bridge) =
            (Arc::clone(&self.inner), self.channel.clone(), self.media.clone(), self.bridge.clone());
        let mut joining: Option<Joining> = remote.is_ok().then(|| -> Joining {
            Box::pin(async move {
                started(&mut media_heard).await?;
                tokio::try_join!(inner.join(&bridge, &channel), inner.join(&bridge, &media)).map(|_| ())
            })
        });
        loop {
            tokio::select! {
                heard = self.heard.recv() => match heard {
                    Some(Heard::Destroyed(..)) => {
                        self.is_gone = true;
                        return;
                    }
                    Some(Heard::Lost) | None => return,
                    Some(Heard::Digit(digit)) => {
                        // a call that has just ended does without
                        let _over = self.digits.send(MediaEvent::Digit(digit));
                    }
                    Some(_) => (),
                },
                want = self.wanted.recv() => if want != Some(Want::Cancel) {
                    return;
                },
                Some(keys) = self.keys.recv() => self.press(&keys).await,
                joined = done(&mut joining) => if let Err(error) = joined {
                    tracing::warn!(%error, "the audio of a call by Asterisk can't be joined");
                    return;
                },
            }
        }
    }

    async fn press(&self, keys: &str) {
        if let Err(error) = self.inner.press(&self.channel, keys).await {
            tracing::warn!(%error, "keys could not be pressed by Asterisk");
        }
    }

    /// A bridge, and a channel by which its audio comes to us. Both channels are put in it when the call is known to be
    /// answered: that takes Asterisk as long as the next packet takes to come.
    async fn open_media(&self) -> Result<SocketAddr, RestError> {
        let (inner, ours) = (&self.inner, self.ours);
        let (bridge, remote) = tokio::join!(inner.open_bridge(&self.bridge), inner.open_media(&self.media, ours));
        bridge?;
        remote
    }

    /// What a far end would say of itself that takes audio there.
    fn described(&self, remote: SocketAddr, is_there: bool) -> Vec<u8> {
        let codec = self.inner.options.codec;
        let agreed =
            Agreed { remote, reports: None, codec, digits: None, hears: is_there, speaks: is_there, crypto: None };
        sdp::answer(Local { address: remote, key: None }, 0, 0, &agreed)
    }

    fn say(&self, event: LegEvent) {
        // whoever dropped the call wants to know nothing more
        let _gone = self.tell.send(event);
    }

    fn failure(&self) -> Failure {
        Failure { rang: self.rang, cancelled: self.cancelled.is_some(), ..Failure::default() }
    }

    fn destroyed(&self, cause: u8, text: &str) -> Failure {
        let plain: String = text.chars().filter(|c| !c.is_control() && *c != '"').take(100).collect();
        Failure { cause: Some(cause), reason: Some(format!("Q.850;cause={cause};text=\"{plain}\"")), ..self.failure() }
    }
}

/// A call that Asterisk was never asked for, or refused, rings nowhere.
fn not_placed(error: &RestError) -> Failure {
    let unsent = !matches!(error, RestError::Unclear(_));
    Failure { unsent, reason: Some(error.to_string()), ..Failure::default() }
}

/// Waits until a channel is ours: before that Asterisk puts it in no bridge.
async fn started(heard: &mut UnboundedReceiver<Heard>) -> Result<(), RestError> {
    loop {
        match heard.recv().await {
            Some(Heard::Started { .. }) => return Ok(()),
            Some(Heard::Destroyed(..) | Heard::Lost) | None => {
                return Err(RestError::Unclear("the media channel is gone".into()));
            }
            Some(_) => (),
        }
    }
}

type Joining = Pin<Box<dyn Future<Output = Result<(), RestError>> + Send>>;

/// Waits for work that is done once.
async fn done(work: &mut Option<Joining>) -> Result<(), RestError> {
    let done = match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    };
    *work = None;
    done
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
