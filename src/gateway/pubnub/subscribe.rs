//! Subscribe: what has come is answered at once, and otherwise the request is held until something comes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::{self, Asked, Call, Target};
use super::closing::Closing;
use super::desk::{Action, Entry, Found, MOST, Presence, Side, Source, Wanted, Watch, What, Woken, YOUNG};
use super::dialect::Shared;
use super::encode;
use super::fault::Fault;
use super::filter::{Facts, Filter};
use super::guard::{self, Guard};
use super::names::Name;
use super::occupants::{self, Stay};
use super::presence;
use super::query::Query;
use super::sdk::Data;
use super::tenant::{Place, Tenant};
use crate::broker::{Clock, Handle};
use crate::core::{Mono, Party, PartyId, SessionId, Timetoken, TopicName};
use crate::telemetry::Metrics;

/// When whoever was refused is to come back, in seconds.
const RETRY_AFTER: u32 = 5;

/// After how many entries that a filter looks at others have their turn.
const SLICE: usize = 16;

/// How long those are held that would not wait if they were refused, and those who come while the hub stops.
const SLOW: Duration = Duration::from_secs(5);
const STOPPING: Duration = Duration::from_millis(500);

/// `/v2/subscribe/{sub}/{chs}/0`.
pub(super) async fn subscribe(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    // What it takes to get there is not kept while the request is held.
    match Box::pin(prepare(call, segment)).await? {
        Prepared::Answer(answer) => Ok(answer),
        Prepared::Hold(held) => Ok(held.answer().await),
        Prepared::Slow(cursor) => {
            call.shared.clock.sleep(STOPPING).await;
            Ok(nothing(&call.query, &call.tenant, cursor))
        }
    }
}

/// What is answered to a subscribe that cannot be served now: to come back later. Whoever cannot wait is held for a while, and then
/// told that nothing happened.
///
/// # Errors
/// The fault, to everybody else.
pub(super) async fn later(shared: &Shared, target: &Target<'_>, fault: Fault) -> Result<Answer, Fault> {
    let query = Query::parse(target.query, target.service)?;
    if !fault.is_later() || query.sdk().can_wait() {
        return Err(fault);
    }
    let (tenant, cursor) = (call::tenant(shared, target)?, query.cursor()?.timetoken);
    shared.clock.sleep(SLOW).await;
    // A beginning is one now.
    let now = async { call::now(&shared.broker.for_app(tenant.app.slot)).await };
    let cursor = if cursor == Timetoken(0) { now.await.unwrap_or(cursor) } else { cursor };
    Ok(nothing(&query, tenant, cursor))
}

/// A request of which everything is known.
enum Prepared {
    /// It is answered at once.
    Answer(Answer),
    /// It waits for something to be told.
    Hold(Box<Held>),
    /// It is answered with nothing, after a while: the hub is about to stop.
    Slow(Timetoken),
}

/// A request that is held.
struct Held {
    watch: Watch,
    tenant: Arc<Tenant>,
    broker: Handle,
    clock: Clock,
    cursor: Timetoken,
    is_lone: bool,
    filter: Option<Filter>,
    form: Data,
    uuid: Option<PartyId>,
    sessions: Box<[SessionId]>,
    closing: Option<Closing>,
    guard: Guard,
    _place: Place,
    _counted: Counted,
}

/// One that is counted among those that are held.
struct Counted(Metrics);

impl Counted {
    fn new(metrics: &Metrics) -> Self {
        metrics.poll_begins();
        Self(metrics.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.poll_ends();
    }
}

async fn prepare(call: &Call<'_>, segment: &str) -> Result<Prepared, Fault> {
    let asked = allowed(call, call.asked(segment)?)?;
    let cursor = call.query.cursor()?.timetoken;
    let states = presence::states(call)?;
    let timeout = presence::timeout(call)?;
    let filter = call.query.filter()?.map(|filter| Filter::parse(&filter)).transpose()?;
    let (tenant, guard) = (&call.tenant, Guard::of(call));
    let Some(mut place) = tenant.admit().filter(|_| tenant.allows_request(&call.shared.clock)) else {
        call.shared.metrics.poll_shed();
        return Err(Fault::too_many_requests(Service::PubSub, RETRY_AFTER));
    };
    tenant.desk.follow(&call.broker).await;
    let names = asked.groups.iter().map(|group| (*group.name).into()).collect();
    let mut watch = Watch::new(&tenant.desk, names);
    let wanted = wanted(call, &asked).await?;
    if wanted.is_empty() {
        return Err(Fault::empty_groups());
    }
    call.admit(wanted.iter().filter_map(|wanted| match &wanted.source {
        Source::Channel(topic) => Some(topic),
        Source::Pattern(_) => None,
    }))
    .await?;
    let watches_presence = of_presence(&wanted);
    watch.want(wanted, cursor).map_err(|_| Fault::full())?;
    let (mut sessions, mut closing) = (Vec::new(), None);
    let asked = stayed(call, asked);
    if let Some(party) = call.party.as_ref().filter(|_| tenant.settings.presence) {
        let stays = presence::stays(call, &asked, &states).await?;
        call.admit(stays.iter().map(|stay| &stay.topic)).await?;
        let (entered, its_end) = enter(call, party, stays, timeout).await?;
        (sessions, closing) = (entered, Some(its_end));
    }
    if cursor == Timetoken(0) {
        closing.into_iter().for_each(Closing::answered);
        return handshake(call, watches_presence).await.map(Prepared::Answer);
    }
    if tenant.desk.is_draining() {
        return Ok(Prepared::Slow(cursor));
    }
    if let Some(party) = &call.party {
        place.claim(&party.id, watch.release());
    }
    Ok(Prepared::Hold(Box::new(Held {
        watch,
        tenant: Arc::clone(tenant),
        broker: call.broker.clone(),
        clock: call.shared.clock.clone(),
        cursor,
        is_lone: asked.is_lone,
        filter,
        form: call.query.sdk().data(),
        uuid: call.party.as_ref().map(|party| party.id.clone()),
        sessions: sessions.into(),
        closing,
        guard,
        _place: place,
        _counted: Counted::new(&call.shared.metrics),
    })))
}

/// Makes a user present, and gives what the end of the request means for it: nothing, if it is refused.
async fn enter(
    call: &Call<'_>,
    party: &Arc<Party>,
    stays: Vec<Stay>,
    timeout: Option<Duration>,
) -> Result<(Vec<SessionId>, Closing), Fault> {
    let closing = Closing::of(call, &party.id, stays.iter().map(|stay| stay.topic.clone()));
    match occupants::enter(call, party, stays, timeout).await {
        Ok(sessions) => Ok((sessions, closing)),
        Err(fault) => {
            closing.answered();
            Err(fault)
        }
    }
}

/// What a request asks for and may. Libraries ask for the presence of a channel together with the channel: if only that is not
/// allowed, the rest is.
fn allowed(call: &Call<'_>, mut asked: Asked) -> Result<Asked, Fault> {
    if !call.tenant.settings.presence {
        asked.names.retain(|name| !name.is_presence);
        asked.groups.retain(|group| !group.is_presence);
        if asked.names.is_empty() && asked.groups.is_empty() {
            return Err(Fault::no_presence());
        }
    }
    let channels: HashSet<TopicName> = asked.channels().cloned().collect();
    asked.names.retain(|name| {
        !name.is_presence || call.pass.may(Right::Read, name) || !channels.contains(&name.topic)
    });
    let groups: HashSet<Arc<str>> =
        asked.groups.iter().filter(|group| !group.is_presence).map(|group| Arc::clone(&group.name)).collect();
    asked.groups.retain(|group| {
        !group.is_presence || call.pass.may_group(Right::Read, group) || !groups.contains(&group.name)
    });
    call.pass.require(Right::Read, &asked.names, &asked.groups)?;
    Ok(asked)
}

/// What a request asks for without that in which its user may not be present, and only looks on.
fn stayed(call: &Call<'_>, mut asked: Asked) -> Asked {
    asked.names.retain(|name| call.pass.may(Right::Join, name));
    asked.groups.retain(|group| call.pass.may_group(Right::Join, group));
    asked
}

fn nothing(query: &Query<'_>, tenant: &Tenant, cursor: Timetoken) -> Answer {
    Answer::ok(Service::PubSub, encode::answer(cursor, &[], true, query.sdk().data(), &tenant.dress))
}

/// The beginning: from now on, but not without the user's own joins, which it waits for. They may have been made by a heartbeat
/// that came before, or comes at the same time.
async fn handshake(call: &Call<'_>, watches_presence: Vec<TopicName>) -> Result<Answer, Fault> {
    let who = call.party.as_ref().map(|party| party.id.clone());
    let looked = call.broker.read(move |roster, _, now| {
        let since = now.wall.0.saturating_sub(u64::try_from(YOUNG.as_nanos() / 100).unwrap_or(u64::MAX));
        let joined = |topic: TopicName| {
            let joined = roster.topic(&topic)?.member(who.as_ref()?)?.joined;
            (joined.0 >= since).then_some((topic, joined))
        };
        (call::time(roster, now), watches_presence.into_iter().filter_map(joined).collect::<Vec<_>>())
    });
    let (now, joins) = looked.await.ok_or_else(|| call.unavailable())?;
    let is_told = |topic: &TopicName, joined| {
        call.party.as_ref().is_none_or(|party| call.tenant.desk.has_told(&party.id, topic, joined))
    };
    let untold = joins.iter().filter(|(topic, joined)| !is_told(topic, *joined));
    let before = untold.map(|(_, joined)| Timetoken(joined.0.saturating_sub(1)));
    let cursor = before.chain([now]).min().unwrap_or(now);
    call.tenant.desk.handed(cursor);
    Ok(nothing(&call.query, &call.tenant, cursor))
}

/// What a request wants to be told: of its channels, of those that its patterns match, and of those in its groups.
async fn wanted(call: &Call<'_>, asked: &Asked) -> Result<Vec<Wanted>, Fault> {
    let mut wanted: Vec<Wanted> = asked.names.iter().map(of_name).collect();
    for group in &asked.groups {
        let name: Arc<str> = group.written().into();
        let side = if group.is_presence { Side::Presence } else { Side::Messages };
        for topic in call.in_group(Right::Read, group).await? {
            wanted.push(Wanted { source: Source::Channel(topic), side, asked: Arc::clone(&name) });
        }
    }
    Ok(wanted)
}

fn of_name(name: &Name) -> Wanted {
    let source = match name.prefix() {
        Some(prefix) => Source::Pattern(prefix.into()),
        None => Source::Channel(name.topic.clone()),
    };
    let side = if name.is_presence { Side::Presence } else { Side::Messages };
    Wanted { source, side, asked: name.written().into() }
}

/// The channels whose presence is wanted.
fn of_presence(wanted: &[Wanted]) -> Vec<TopicName> {
    let of = |wanted: &Wanted| match (&wanted.source, wanted.side) {
        (Source::Channel(topic), Side::Presence) => Some(topic.clone()),
        (Source::Pattern(prefix), Side::Presence) => TopicName::new(&format!("{prefix}*")).ok(),
        (_, Side::Messages) => None,
    };
    wanted.iter().filter_map(of).collect()
}

impl Held {
    /// Waits until there is something to be told, or for as long as a request is held and its user may be told anything.
    async fn answer(mut self: Box<Self>) -> Answer {
        let now = self.clock.now();
        let hold = now.mono + self.tenant.settings.hold;
        let until = self.guard.ends(now).map_or(hold, |ends| ends.min(hold));
        let mut found = self.found(until).await;
        // Whose token has ended or was revoked is told so when it comes again.
        if !found.is_empty() && !self.guard.is_good().await {
            found.clear();
        }
        let cursor = found.last().map_or(self.cursor, |last| last.entry.token);
        let body = encode::answer(cursor, &found, self.is_lone, self.form, &self.tenant.dress);
        if let Some(closing) = self.closing.take() {
            closing.answered();
        }
        self.note_own_joins(&found);
        // An answer is a sign of life: its client was there to be given it.
        join_all(self.sessions.iter().map(|session| self.broker.heard(*session))).await;
        Answer::ok(Service::PubSub, body)
    }

    fn note_own_joins(&self, found: &[Found]) {
        for Found { entry, .. } in found {
            if let What::Presence(Presence { action: Action::Join, uuid: Some(uuid), at, .. }) = &entry.what
                && self.uuid.as_ref() == Some(uuid)
            {
                self.tenant.desk.told(uuid, &entry.topic, *at);
            }
        }
    }

    /// Whether an entry passes the filter. Without `u` there is nothing that a filter could ask of presence.
    fn is_asked(&self, entry: &Entry) -> bool {
        self.filter.as_ref().is_none_or(|filter| {
            let meta = entry.meta(|entry| encode::meta(entry, &self.tenant.dress));
            let data = if filter.asks_data() { encode::data(entry) } else { None };
            filter.wants(Facts { meta, data: data.as_ref() })
        })
    }

    /// What of all that came is wanted and may be told: the newest, if there is more than one answer has room for.
    async fn wanted(&self, came: Vec<Found>) -> Vec<Found> {
        let (mut wanted, mut asked) = (Vec::new(), guard::Asked::new());
        for (place, found) in came.into_iter().enumerate().rev() {
            if self.is_asked(&found.entry) && self.guard.shows(&found, &mut asked).await {
                wanted.push(found);
            }
            if wanted.len() == MOST {
                break;
            }
            // A filter may have much to look at, and others wait.
            if self.filter.is_some() && place % SLICE == 0 {
                tokio::task::yield_now().await;
            }
        }
        wanted.reverse();
        wanted
    }

    async fn found(&self, until: Mono) -> Vec<Found> {
        let mut cursor = self.cursor;
        let mut is_over = false;
        loop {
            let came = self.watch.look(cursor);
            // What is not wanted is not looked at again.
            cursor = came.last().map_or(cursor, |last| last.entry.token);
            let found = self.wanted(came).await;
            if is_over || !found.is_empty() {
                return found;
            }
            tokio::select! {
                woken = self.watch.woken() => is_over = woken == Woken::Answer,
                () = self.clock.sleep_until(Some(until)) => return Vec::new(),
            }
        }
    }
}
