//! What the package offers.

use proto::v1;

#[test]
fn every_service_is_named_in_the_descriptor_set() {
    let names = [
        v1::analytics_service_server::SERVICE_NAME,
        v1::identity_service_server::SERVICE_NAME,
        v1::knowledge_service_server::SERVICE_NAME,
        v1::leads_service_server::SERVICE_NAME,
        v1::routing_service_server::SERVICE_NAME,
    ];
    for name in names {
        let short = name.strip_prefix("tributary.v1.").expect("services are in the package");
        assert!(
            proto::FILE_DESCRIPTOR_SET.windows(short.len()).any(|window| window == short.as_bytes()),
            "{name}"
        );
    }
}
