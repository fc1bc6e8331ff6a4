//! What a webhook or the widget's socket answers to a request that is not let in: a problem (RFC 9457) that says what to do.

use axum::http::StatusCode;
use runtime::Problem;

/// The problem of a refusal, by the word under which it is counted.
pub(crate) fn problem(why: &str, status: StatusCode) -> Problem {
    let (detail, remedy) = match why {
        "unknown_account" => (
            "No account of this channel has the name that stands in the address.",
            "The address is /channels/<channel>/<slug of the account>/…; apply the account first.",
        ),
        "disabled_account" => (
            "The account was taken out of use: nothing is taken in.",
            "Whoever runs the suite applies its document without `disabled: true` to take it back.",
        ),
        "no_webhook" => (
            "The channel of this account takes no requests.",
            "A website's visitors come in by the widget's socket.",
        ),
        "too_large" => ("The body is larger than 4 MiB.", "Part it in several requests."),
        "missing" => (
            "A part of the signature is missing.",
            "Send what the channel's signature consists of; over HTTP: webhook-id, webhook-timestamp and \
             webhook-signature.",
        ),
        "signature" => (
            "The signature is not of this body under this account's secret.",
            "Sign the bytes as they are sent, with the secret of the account that the address names.",
        ),
        "stale" => {
            ("The time stamp is too far from now.", "Sign anew at each attempt, by a clock that is right.")
        }
        "no_handshake" => ("The channel takes no GET.", "Send a POST."),
        "misconfigured" => (
            "The account is set up wrongly on our side.",
            "Deliver again later; whoever runs the suite finds the setting in the log.",
        ),
        "origin" => (
            "The page's origin is not among the account's.",
            "Add it to the account's setting origins, or open the page from one that is there.",
        ),
        "full" => ("As many visitors are here as this process takes.", "Open the socket again in a while."),
        "away" => ("The account cannot be read now.", "Open the socket again in a while."),
        _ => ("The request is refused.", "Whoever runs the suite finds the cause in the log."),
    };
    let kind = format!("webhook-{}", why.replace('_', "-"));
    Problem::new(status, &kind, "The request is not let in").detail(detail).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_to_do() {
        let other = problem("anything", StatusCode::FORBIDDEN);
        for why in [
            "unknown_account",
            "disabled_account",
            "no_webhook",
            "too_large",
            "missing",
            "signature",
            "stale",
            "no_handshake",
            "misconfigured",
            "origin",
            "full",
            "away",
        ] {
            let problem = problem(why, StatusCode::BAD_REQUEST);
            assert_ne!((&problem.detail, &problem.remedy), (&other.detail, &other.remedy), "{why}");
        }
        let problem = problem("no_handshake", StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(
            (problem.kind.as_str(), problem.status),
            ("urn:tributary:problem:webhook-no-handshake", 405)
        );
    }
}
