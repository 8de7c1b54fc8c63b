//! How a session says its content: at once if it may, else as soon as it may, the last word only. Clients say their whole content
//! again at every click, and are never told off for it.

use bytes::BytesMut;
use presence_protocol::Object;
use presence_protocol::native::event;

use super::asked::{Asked, Online, What};
use super::encode::with_echo;
use super::fault::Fault;
use super::framing::Place;
use super::pace::Pace;
use super::payload;
use super::translate::{self, Speaker};
use super::visit::Visit;
use crate::broker::{CloseReason, ReplyTo};
use crate::core::{Cause, Command, Content, MemberView, Now, Timetoken, TopicName};

/// In how many topics a connection's joins are counted before those at rest are forgotten.
const MOST_JOINS: usize = 128;

/// What was said too soon, and the client's names of the requests that said it.
pub(super) type Held = (Vec<Box<str>>, Online);

impl Visit {
    /// The session says a content. What it says too soon takes the place of what it said too soon before.
    pub(super) async fn say(
        &mut self,
        mut online: Online,
        mut ids: Vec<Box<str>>,
        now: Now,
    ) -> Result<(), CloseReason> {
        let Some(stay) = self.topics.get_mut(&online.topic) else { return Ok(()) };
        stay.said = online.content.bytes.clone();
        if !std::mem::replace(&mut stay.is_member, true) {
            online.is_join = true;
            self.count_join(&online.topic, now)?;
        } else if !stay.updates.allows(now.mono) {
            match stay.held.take() {
                Some((before, loud)) if online.is_quiet && !loud.is_quiet => {
                    // The author still awaits the echo of what it said aloud.
                    online = Online { content: online.content, ..loud };
                    ids.splice(..0, before);
                }
                Some((before, _)) => drop(ids.splice(..0, before)),
                None => self.held.push(online.topic.clone()),
            }
            stay.held = Some((ids, online));
            return Ok(());
        }
        self.tell(online, ids).await;
        Ok(())
    }

    async fn tell(&mut self, online: Online, ids: Vec<Box<str>>) {
        let command = self.enter(&online);
        let loopback = online.loopback.clone();
        self.submit(command, loopback, Asked { ids, what: What::Online(online) }).await;
    }

    /// The command that says a content.
    pub(super) fn enter(&self, online: &Online) -> Command {
        Command::Enter {
            session: self.session,
            topic: online.topic.clone(),
            content: Some(online.content.clone()),
            grace: self.principal.app.grace_in(&online.topic),
        }
    }

    /// Tells what was held back and is due, and leaves where the session should not be.
    pub(super) async fn release(&mut self, now: Now) {
        for topic in std::mem::take(&mut self.strays) {
            let leave = Command::Leave { session: self.session, topic, cause: Cause::Policy };
            self.broker.submit(leave, None, ReplyTo::Nobody).await;
        }
        let mut due = Vec::new();
        let topics = &mut self.topics;
        self.held.retain(|topic| {
            let Some(stay) = topics.get_mut(topic) else { return false };
            let is_due = stay.updates.allows(now.mono);
            if is_due {
                due.extend(stay.held.take());
            }
            !is_due
        });
        for (ids, online) in due {
            self.tell(online, ids).await;
        }
    }

    /// Says again what the session said where it may be less than it was: in the role that it may have now.
    pub(super) async fn recheck(&mut self, now: Now) -> Result<(), CloseReason> {
        for topic in std::mem::take(&mut self.rights) {
            let Some(stay) = self.topics.get(&topic).filter(|stay| stay.is_member) else { continue };
            let said = stay.said.clone();
            let speaker = Speaker { role: self.role_in(&topic).await, limit: usize::MAX };
            let content = translate::with_media(&said, &Object::default(), false, speaker);
            if let Some(content) = content.ok().filter(|content| content.bytes != said) {
                let online = Online { topic, content, loopback: None, is_quiet: true, is_join: false };
                self.say(online, Vec::new(), now).await?;
            }
        }
        Ok(())
    }

    /// What was held back in a topic is of no use any more, because the session leaves it.
    pub(super) fn forget_held(&mut self, topic: &TopicName, held: Option<Held>, out: &mut BytesMut) {
        self.held.retain(|other| other != topic);
        for id in held.into_iter().flat_map(|(ids, _)| ids) {
            self.answer(Some(&id), Ok(()), out);
        }
    }

    /// A session that comes and goes all the time is sent away.
    fn count_join(&mut self, topic: &TopicName, now: Now) -> Result<(), CloseReason> {
        let joins = &mut self.paces.joins;
        if joins.len() >= MOST_JOINS {
            joins.retain(|_, pace| !pace.is_rested(now.mono));
        }
        let limit = self.principal.app.limits.joins_per_second;
        let pace = joins.entry(topic.clone()).or_insert_with(|| Pace::new(limit, limit));
        if pace.allows(now.mono) { Ok(()) } else { Err(CloseReason::TooFast) }
    }

    /// Gives an author back what changed nothing, of which nobody else hears.
    pub(super) fn echo(&self, online: &Online, out: &mut BytesMut) {
        if online.is_quiet {
            return;
        }
        let payload = payload::plain_online(&online.topic, &self.view(online.content.clone()), b"[]");
        let parts = with_echo(&payload, online.loopback.as_deref());
        self.shared.framing.event(event::PRESENCE_EVENT_RESPONSE, &parts, Place::default(), out);
    }

    /// The session's own presence with a content.
    pub(super) fn view(&self, content: Content) -> MemberView {
        MemberView {
            party: self.principal.party.clone(),
            session: self.session,
            content,
            attached: 1,
            joined: Timetoken::default(),
        }
    }

    /// A content was refused.
    pub(super) fn not_online(&mut self, online: &Online, fault: Fault, out: &mut BytesMut) -> Fault {
        if online.is_join
            && let Some(stay) = self.topics.get_mut(&online.topic)
        {
            stay.is_member = false;
        }
        self.invalid(online.topic.as_str(), online.loopback.as_deref(), fault, out)
    }
}
