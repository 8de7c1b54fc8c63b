//! What sort of address an address is: one that everybody may call, one for which the operator must vouch, or neither.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Who may be called at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Anybody's: global unicast.
    Public,
    /// Of this machine, this network or a special purpose: only where the operator names it.
    Private,
    /// Not even then: link-local, clouds' metadata services, multicast, unspecified, and forms that hide another address.
    Never,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits))
}

const fn v6(head: [u16; 4], bits: u8) -> IpNet {
    let [a, b, c, d] = head;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), bits))
}

const NEVER: [IpNet; 18] = [
    v4(0, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(192, 0, 0, 0, 24),
    v4(224, 0, 0, 0, 3),
    // Services of clouds, at addresses that would otherwise be public or shared.
    v4(100, 100, 100, 200, 32),
    v4(168, 63, 129, 16, 32),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128)),
    // An IPv4 address in another dress: mapped, translated (NAT64), 6to4, Teredo.
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96)),
    v6([0x64, 0xff9b, 0, 0], 96),
    v6([0x64, 0xff9b, 1, 0], 48),
    v6([0x2002, 0, 0, 0], 16),
    v6([0x2001, 0, 0, 0], 32),
    v6([0xfe80, 0, 0, 0], 10),
    v6([0xfec0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0], 8),
    v6([0x100, 0, 0, 0], 64),
];

const PRIVATE: [IpNet; 18] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(192, 175, 48, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v6([0x2001, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0], 32),
    v6([0x3fff, 0, 0, 0], 20),
    v6([0x2620, 0x4f, 0x8000, 0], 48),
    v6([0xfc00, 0, 0, 0], 7),
];

/// Global unicast; what is outside it and not private is not assigned to anybody.
const GLOBAL: IpNet = v6([0x2000, 0, 0, 0], 3);

/// What sort of address this is.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    let is_in = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
    if is_in(&NEVER) {
        return Reach::Never;
    }
    if address == IpAddr::V6(Ipv6Addr::LOCALHOST) || is_in(&PRIVATE) {
        return Reach::Private;
    }
    if address.is_ipv4() || GLOBAL.contains(&address) { Reach::Public } else { Reach::Never }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_reach() {
        for (reached, addresses) in [
            (
                Reach::Public,
                "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 172.15.255.255 172.32.0.0 \
                192.0.1.1 192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00::1 2001:200::1",
            ),
            (
                Reach::Private,
                "10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 172.16.0.1 \
                172.31.255.255 192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 ::1 fc00::1 fd12:3456::1 \
                2001:db8::1 3fff::1 2001:1::1",
            ),
            (
                Reach::Never,
                "0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 192.0.0.1 192.0.0.192 224.0.0.1 239.255.255.255 240.0.0.1 \
                255.255.255.255 100.100.100.200 168.63.129.16 :: ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 \
                64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::1 2001::1 fe80::1 febf::1 fec0::1 ff02::1 fd00:ec2::254 fd20:ce::254 100::1 \
                4000::1 1::1 8000::1",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(reach(address.parse().unwrap()), reached, "{address}");
            }
        }
    }
}
