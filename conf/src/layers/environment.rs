use crate::origin::Origin;
use crate::schema::{self, Place, VARIABLE_PREFIX};
use crate::setting::{Layer, lenient};
use crate::unknown::{VARIABLES_OF_COMMANDS, unknown_variable};

/// `QUORATE_NODE__NAME` sets `node.name`. Variables without the prefix are
/// somebody else's.
pub(crate) fn environment(variables: &[(String, String)]) -> Layer {
    let mut layer = Layer::default();
    for (variable, text) in variables {
        let Some(rest) = variable.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let path = rest.to_lowercase().replace("__", ".");
        let parts: Vec<&str> = path.split('.').collect();
        match schema::place(&parts) {
            Place::Key(key) if schema::variable(&path) == *variable => {
                let value = lenient(key.shape, text);
                layer.set(&parts, key, &value, 0, &|_| Origin::variable(variable));
            }
            _ if VARIABLES_OF_COMMANDS.contains(&variable.as_str()) => {}
            _ if is_service_link(rest, text) => {}
            _ => layer.problems.push(unknown_variable(variable)),
        }
    }
    layer
}

/// Kubernetes describes each Service of the namespace to every pod. One that
/// is called `quorate` or `quorate-cores` yields `QUORATE_SERVICE_HOST`,
/// `QUORATE_CORES_PORT_4370_UDP_ADDR` and so on; nobody wrote those.
fn is_service_link(rest: &str, text: &str) -> bool {
    let is_port_detail = rest.split_once("PORT_").is_some_and(|(_, detail)| {
        let digits = detail.bytes().take_while(u8::is_ascii_digit).count();
        let protocol = &detail[digits..];
        digits > 0
            && ["_TCP", "_UDP", "_SCTP"]
                .iter()
                .any(|one| protocol.starts_with(one))
    });
    rest.ends_with("SERVICE_HOST")
        || rest.ends_with("SERVICE_PORT")
        || rest.contains("SERVICE_PORT_")
        || (rest.ends_with("PORT") && text.contains("://"))
        || is_port_detail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(variables: &[(&str, &str)]) -> Vec<String> {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let layer = environment(&variables);
        let lines = layer.problems.iter().map(|problem| {
            let hint = problem.hint().unwrap_or_default();
            format!("{problem}; {hint}")
        });
        lines.collect()
    }

    #[test]
    fn other_peoples_variables_are_left_alone() {
        let none = problems(&[
            ("PATH", "/bin"),
            ("QUORATE", "x"),
            ("QUORATE_ADMIN", "http://127.0.0.1:18083"),
            ("QUORATE_TOKEN", "t"),
            ("QUORATE_SERVICE_HOST", "10.96.0.7"),
            ("QUORATE_SERVICE_PORT", "1883"),
            ("QUORATE_SERVICE_PORT_MQTT", "1883"),
            ("QUORATE_PORT", "tcp://10.96.0.7:1883"),
            ("QUORATE_CORES_PORT_4370_UDP", "udp://10.96.0.8:4370"),
            ("QUORATE_CORES_PORT_4370_UDP_ADDR", "10.96.0.8"),
        ]);
        assert_eq!(none, Vec::<String>::new());
    }

    #[test]
    fn unknown_variables_name_the_nearest() {
        let sections = "a variable is QUORATE_SECTION__KEY with two underscores between them; \
                        the sections are node, cluster, transport, broker, listeners, mqtt, subscribe, \
                        auth, admin, log";
        for (variable, hint) in [
            ("QUORATE_NODE__NMAE", "did you mean QUORATE_NODE__NAME?"),
            ("QUORATE_NODE_NAME", "did you mean QUORATE_NODE__NAME?"),
            ("QUORATE_node__name", "did you mean QUORATE_NODE__NAME?"),
            ("QUORATE_TOKENS", "did you mean QUORATE_TOKEN?"),
            ("QUORATE_ADMIN_URL", sections),
            ("QUORATE_NODE", sections),
            ("QUORATE_PORT", sections),
            ("QUORATE_WEBHOOK__URL", sections),
            (
                "QUORATE_MQTT__MAX_INFLIHGT",
                "did you mean QUORATE_MQTT__MAX_INFLIGHT?",
            ),
            (
                "QUORATE_LISTENERS__TCP__MINE__BNID",
                "did you mean QUORATE_LISTENERS__TCP__MINE__BIND?",
            ),
            (
                "QUORATE_LISTENERS__TPC__DEFAULT__BIND",
                "did you mean QUORATE_LISTENERS__TCP__DEFAULT__BIND?",
            ),
            (
                "QUORATE_LISTENERS__TCP__BIND",
                "a listener has a name: did you mean QUORATE_LISTENERS__TCP__DEFAULT__BIND?",
            ),
            (
                "QUORATE_LISTENERS__TCP___A__BIND",
                "did you mean QUORATE_LISTENERS__TCP__DEFAULT__BIND?",
            ),
            (
                "QUORATE_ADMIN__WHATEVER",
                "the variables of this section are QUORATE_ADMIN__BIND",
            ),
        ] {
            let line = format!("unknown environment variable {variable}; {hint}");
            assert_eq!(problems(&[(variable, "1883")]), [line]);
        }
    }
}
