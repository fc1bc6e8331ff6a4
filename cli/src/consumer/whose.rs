//! Whether there is the tenant whose leads are asked for.

use anyhow::Context;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use laws::tenant::Tenant;
use spine::{Address, Entity, Nats, NatsAccess};

/// Says so when nobody has made the tenant, which is no error: a partner may be let in before.
///
/// # Errors
/// When NATS does not answer.
pub(super) async fn warn_of_unknown(operator: &NatsAccess, tenant: Option<&str>) -> anyhow::Result<()> {
    let Some(tenant) = tenant else { return Ok(()) };
    if !is_known(operator, tenant).await? {
        eprintln!(
            "warning: there is no tenant {tenant}: its leads can be read once `tributary apply` has made it"
        );
    }
    Ok(())
}

/// Whether the log holds the tenant.
///
/// # Errors
/// When NATS does not answer.
pub(crate) async fn is_known(operator: &NatsAccess, tenant: &str) -> anyhow::Result<bool> {
    let address = Address::new(tenant, Tenant::KIND, tenant, tenant)?;
    let nats = Nats::connect(operator).await.context("connect to NATS as its operator")?;
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    let stream = jetstream.get_stream_no_info(address.stream()).await?;
    match stream.get_last_raw_message_by_subject(&address.subject()).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(false),
        Err(error) => Err(error).context(format!("look for the tenant {tenant}")),
    }
}
