//! The protocols only grow. `tests/golden/protocol.txt` has a line for every service's method, every field and every
//! value of an enumeration; a line that changes or goes would break programs that were built before.
//!
//! `UPDATE_EXPECT=1` adds what is new. It takes nothing away: a break has to be made by hand in the golden file, by
//! somebody who means it.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet, field_descriptor_proto::Label};
use softkeep_proto::DESCRIPTORS;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/protocol.txt")
}

fn enumeration(scope: &str, values: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &values.value {
        lines.insert(format!("enum {scope}.{}: {} = {}", values.name(), value.name(), value.number()));
    }
}

/// The lines of a message and of what is declared in it.
fn message(scope: &str, fields: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{scope}.{}", fields.name());
    for field in &fields.field {
        let of = field.type_name.clone().unwrap_or_else(|| format!("{:?}", field.r#type()).to_lowercase());
        let repeated = if field.label() == Label::Repeated { "repeated " } else { "" };
        let choice = match field.oneof_index {
            Some(index) if !field.proto3_optional() => {
                format!(" in {}", fields.oneof_decl[usize::try_from(index).unwrap()].name())
            }
            Some(_) => " optional".to_owned(),
            None => String::new(),
        };
        lines.insert(format!("field {name}: {} = {} {repeated}{of}{choice}", field.name(), field.number()));
    }
    fields.nested_type.iter().for_each(|nested| message(&name, nested, lines));
    fields.enum_type.iter().for_each(|values| enumeration(&name, values, lines));
}

/// The lines of our protos; those of Google's come with their own promises.
fn lines() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut lines = BTreeSet::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("softkeep.")) {
        for service in &file.service {
            for method in &service.method {
                let stream = |streams: bool| if streams { "stream " } else { "" };
                lines.insert(format!(
                    "rpc {}.{}/{}: {}{} -> {}{}",
                    file.package(),
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type(),
                ));
            }
        }
        file.message_type.iter().for_each(|fields| message(file.package(), fields, &mut lines));
        file.enum_type.iter().for_each(|values| enumeration(file.package(), values, &mut lines));
    }
    lines
}

/// What `now` no longer has, and what it has anew.
fn compare<'a>(before: &'a BTreeSet<String>, now: &'a BTreeSet<String>) -> (Vec<&'a String>, Vec<&'a String>) {
    (before.difference(now).collect(), now.difference(before).collect())
}

#[test]
fn the_protocols_only_grow() {
    let before: BTreeSet<String> =
        fs::read_to_string(golden()).unwrap_or_default().lines().map(str::to_owned).collect();
    let now = lines();
    let (gone, new) = compare(&before, &now);
    assert!(gone.is_empty(), "these would break programs that were built before:\n{gone:#?}");
    if env::var_os("UPDATE_EXPECT").is_some() {
        let text: Vec<&str> = now.iter().map(String::as_str).collect();
        fs::write(golden(), text.join("\n") + "\n").unwrap();
    } else {
        assert!(new.is_empty(), "new; add them with UPDATE_EXPECT=1:\n{new:#?}");
    }
}

/// The comparison sees what would break somebody: another number, another type, a field that became a list.
#[test]
fn a_break_is_noticed() {
    let now = lines();
    let line = "field softkeep.v1.SignRequest: digest = 3 bytes";
    assert!(now.contains(line), "the protocol has no line like: {line}");
    for broken in [
        "field softkeep.v1.SignRequest: digest = 4 bytes",
        "field softkeep.v1.SignRequest: digest = 3 string",
        "field softkeep.v1.SignRequest: digest = 3 repeated bytes",
        "field softkeep.v1.SignRequest: hash = 3 bytes",
    ] {
        let mut changed = now.clone();
        changed.remove(line);
        changed.insert(broken.to_owned());
        let (gone, new) = compare(&now, &changed);
        assert_eq!((gone[0].as_str(), new[0].as_str()), (line, broken));
    }
}
