//! The hosts that the collector answers to.

/// The hosts of a loopback address.
#[derive(Debug, Clone)]
pub struct Hosts {
    names: Vec<String>,
    url: String,
}

impl Hosts {
    /// Returns the hosts of `address`. The name `localhost` is refused: it can resolve to 127.0.0.1 or to ::1, and
    /// another program may listen on this port of the other address.
    pub fn loopback(address: std::net::SocketAddr) -> Self {
        let ip = address.ip();
        let port = address.port();
        let ip = if ip.is_ipv6() {
            format!("[{ip}]")
        } else {
            ip.to_string()
        };
        let mut names = vec![format!("{ip}:{port}")];
        if port == 80 {
            names.push(ip);
        }
        Self {
            names,
            url: format!("http://{address}"),
        }
    }

    /// Returns the collector's address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the link to the viewer that works with `code`.
    pub fn viewer_link(&self, code: &str) -> String {
        format!("{}/#code={code}", self.url)
    }

    /// Whether `host` is one of them.
    pub(crate) fn contains(&self, host: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Whether `origin` is the viewer's.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        origin
            .strip_prefix("http://")
            .is_some_and(|host| self.contains(host))
    }

    /// Returns the hosts as a list for a person.
    pub(crate) fn list(&self) -> String {
        self.names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_address_is_a_host() {
        let hosts = Hosts::loopback(([127, 0, 0, 1], 28273).into());
        assert!(hosts.contains("127.0.0.1:28273"));
        assert!(Hosts::loopback((std::net::Ipv6Addr::LOCALHOST, 1).into()).contains("[::1]:1"));
        for bad in [
            "127.0.0.1", "127.0.0.1:1", "evil.test:28273", "localhost:28273", "LOCALHOST:28273",
            "localhost.:28273", "127.0.0.1:28273.evil.test", "[::1]:28273", "",
        ] {
            assert!(!hosts.contains(bad), "{bad}");
        }
        assert!(hosts.is_own_origin("http://127.0.0.1:28273"));
        assert!(!hosts.is_own_origin("https://127.0.0.1:28273"));
    }
}
