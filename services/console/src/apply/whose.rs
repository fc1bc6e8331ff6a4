//! Whether the tenants are there whose documents they are.

use crate::state::App;
use documents::{Body, Document, Wrong};
use laws::tenant::Tenant;
use spine::{Address, Entity, Error};
use std::collections::{BTreeMap, BTreeSet};

/// The documents of tenants that are neither applied nor among the documents: nothing would ever use them.
pub(super) async fn unknown(app: &App, documents: &[Document]) -> Result<Vec<Wrong>, Error> {
    let written: BTreeSet<&str> = documents
        .iter()
        .filter(|document| matches!(document.body, Body::Tenant(_)))
        .map(|document| document.tenant.as_str())
        .collect();
    let mut there: BTreeMap<&str, bool> = written.into_iter().map(|tenant| (tenant, true)).collect();
    let mut wrong = Vec::new();
    for document in documents {
        let tenant = document.tenant.as_str();
        let is_there = match there.get(tenant) {
            Some(is_there) => *is_there,
            None => is_applied(app, tenant).await?,
        };
        there.insert(tenant, is_there);
        if !is_there {
            let reason = format!("there is no tenant `{tenant}`, neither applied nor among these documents");
            let remedy = format!("add a document `kind: Tenant` with `name: {tenant}`, or correct the name");
            wrong.push(Wrong::new(document.place, "tenant", reason, remedy));
        }
    }
    Ok(wrong)
}

async fn is_applied(app: &App, tenant: &str) -> Result<bool, Error> {
    let address = Address::new(tenant, Tenant::KIND, tenant, tenant)?;
    app.log().read::<Tenant, _>(&address, |tenant| tenant.configured.is_some()).await
}
