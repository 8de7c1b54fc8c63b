//! The description of the service, for the address at which it was asked for.

use presence_protocol::xml::escaped;

use super::PATH;
use crate::gateway::peer::Front;

/// What stands for the address.
const ADDRESS: &str = "{address}";

/// The description of the service where this client reaches it.
pub(super) fn description(front: &Front) -> String {
    let scheme = if front.is_secure { "https" } else { "http" };
    let address = escaped(&format!("{scheme}://{}{PATH}", front.host));
    include_str!("service.wsdl").replace(ADDRESS, &address)
}
