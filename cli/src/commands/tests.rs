//! The documents' commands, and az's flags, are grammar here.

use clap::Parser;

use crate::args::Cli;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(shlex::split(line).unwrap_or_else(|| panic!("{line}")))
}

/// Help is no command, and no error either.
fn accept(line: &str) {
    match parse(line) {
        Err(error) if error.use_stderr() => panic!("{line}\n{error}"),
        _ => {}
    }
}

#[test]
fn the_documents_commands_parse() {
    let documents = include_str!("../../../tests/it/az_grammar/documents.txt");
    let lines: Vec<&str> = documents.lines().filter(|line| line.starts_with("az ")).collect();
    assert!(lines.len() > 50, "the documents are there");
    for line in lines {
        accept(&line.replacen("az ", "softkeep ", 1));
    }
}

#[test]
fn azs_flags_parse() {
    for line in [
        "softkeep login",
        "softkeep login --use-device-code",
        "softkeep login --service-principal -u APP --certificate sp.pem --tenant T",
        "softkeep login -u u -p p -t T --allow-no-subscriptions",
        "softkeep login approve",
        "softkeep login approve ABCD-EFGH",
        "softkeep keyvault show -n V --subscription S --only-show-errors --verbose --debug",
        "softkeep logout --username u",
        "softkeep account list --all --refresh",
        "softkeep account show -n S",
        "softkeep account set -s S",
        "softkeep account clear",
        "softkeep account get-access-token --resource https://vault.azure.net",
        "softkeep group create -g G --location l --tags a=b c",
        "softkeep group list --tag a=b",
        "softkeep group show -g G",
        "softkeep group exists -n G",
        "softkeep group update -n G --set tags.a=b",
        "softkeep group delete -n G -y --no-wait",
        "softkeep provider register --namespace Microsoft.KeyVault --wait",
        "softkeep provider list",
        "softkeep provider show -n Microsoft.KeyVault",
        "softkeep keyvault create -n V -g G -l L --enable-purge-protection --enable-rbac-authorization false --retention-days 7",
        "softkeep keyvault create -n V -g G --enabled-for-deployment true --enabled-for-disk-encryption --no-self-perms true",
        "softkeep keyvault create -n V -g G --bypass None --default-action deny --public-network-access disabled --no-wait",
        "softkeep keyvault create -n V -g G --network-acls '{\"ip\": [\"1.2.3.4\"]}' --network-acls-ips 1.1.1.1 2.2.2.2",
        "softkeep keyvault create --hsm-name H -g G --administrators A B",
        "softkeep keyvault list -g G --resource-type vault",
        "softkeep keyvault list-deleted --resource-type hsm",
        "softkeep keyvault show-deleted -n V -l L",
        "softkeep keyvault recover -n V -l L -g G --no-wait",
        "softkeep keyvault purge -n V -l L --no-wait",
        "softkeep keyvault delete --hsm-name H -g G",
        "softkeep keyvault check-name -n V --resource-type vault",
        "softkeep keyvault set-policy -n V --upn ada@example.com --key-permissions --secret-permissions get list",
        "softkeep keyvault set-policy -n V --object-id O --application-id A --certificate-permissions all --storage-permissions get",
        "softkeep keyvault delete-policy -n V --spn A -g G --no-wait",
        "softkeep keyvault update -n V --set tags.a=b properties.enabledForDeployment=true --add properties.networkAcls.ipRules value=1.1.1.1 --remove tags.x",
        "softkeep keyvault update -n V --enable-purge-protection --sku premium",
        "softkeep keyvault wait -n V --created --interval 5 --timeout 10",
        "softkeep keyvault wait -n V --custom properties.sku",
        "softkeep keyvault network-rule remove -n V -g G --ip-address 1.1.1.1 2.2.2.2 --subnet S --no-wait",
        "softkeep keyvault network-rule wait -n V --updated",
        "softkeep keyvault role assignment create --hsm-name V --role R --assignee-object-id O -t User --scope / -n G",
        "softkeep keyvault role assignment delete --id https://v.x --ids a b",
        "softkeep keyvault role definition list --custom-role-only --hsm-name V",
        "softkeep keyvault role definition show --role-id R --hsm-name V",
        "softkeep keyvault role definition create --role-definition @r.json --hsm-name V",
        "softkeep keyvault region add --hsm-name H --anything x -o json",
        "softkeep keyvault security-domain download --sd-quorum 2 --sd-wrapping-keys a b c",
        "softkeep keyvault ekm-connection certificate show --id x",
        "softkeep keyvault update-hsm --hsm-name H --set a=b",
        "softkeep ad sp create-for-rbac --name N --role R --scopes /a /b --years 2",
        "softkeep ad sp create-for-rbac -n N --cert @c.pem --skip-assignment",
        "softkeep ad sp list --all --display-name N",
        "softkeep ad sp credential reset --id A --append --end-date 2030-01-01",
        "softkeep ad sp credential delete --id A --key-id K",
        "softkeep ad user update --id A --account-enabled false --display-name N",
        "softkeep ad user list --upn a",
        "softkeep role assignment list --all",
        "softkeep role assignment create --role R --assignee A -g G",
        "softkeep role assignment delete --ids a b --yes",
        "softkeep role definition list -n N --custom-role-only true",
        "softkeep role definition update --role-definition '{}'",
        "softkeep role definition delete --name N",
        "softkeep completion bash",
    ] {
        accept(line);
    }
}

#[test]
fn wrong_grammar_is_a_usage_error() {
    for line in [
        "softkeep login --service-principal -p x",
        "softkeep login --use-device-code -u x",
        "softkeep login --certificate x",
        "softkeep login -u x approve CODE",
        "softkeep account set",
        "softkeep group create -n G",
        "softkeep keyvault create -g G",
        "softkeep keyvault create -n V --sku gold",
        "softkeep keyvault create -n V --retention-days 91",
        "softkeep keyvault create -n V --default-action maybe",
        "softkeep keyvault purge",
        "softkeep keyvault recover",
        "softkeep keyvault set-policy -n V --key-permissions get",
        "softkeep keyvault set-policy -n V --spn a --upn b --key-permissions get",
        "softkeep keyvault wait -n V",
        "softkeep keyvault wait -n V --created --deleted",
        "softkeep keyvault role assignment create --hsm-name V --role R",
        "softkeep role assignment list --all --scope /x",
        "softkeep role assignment delete --ids a --role b",
        "softkeep role definition show",
        "softkeep ad sp create-for-rbac --role R",
        "softkeep ad sp create-for-rbac --password a --cert b",
        "softkeep ad sp credential delete --id A",
        "softkeep ad user create --display-name A",
        "softkeep completion tcsh",
    ] {
        let error = parse(line).err().unwrap_or_else(|| panic!("{line}"));
        assert!(error.use_stderr(), "{line}");
    }
}
