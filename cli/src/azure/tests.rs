//! The table and the page that people read say the same.

use clap::{Command, CommandFactory, Parser};

use super::*;
use crate::args::Cli;

const PAGE: &str = include_str!("../../../docs/azure-differences.md");

/// The rows of the page: `| `command` | reason |`.
fn rows(heading: &str) -> Vec<(String, String)> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(cells);
    rows.map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].clone())).collect()
}

#[test]
fn the_page_has_the_same_rows() {
    for (heading, table) in [("Commands that need Azure", COMMANDS), ("Flags that need Azure", FLAGS)] {
        let expected: Vec<(String, String)> =
            table.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned())).collect();
        assert_eq!(rows(heading), expected, "docs/azure-differences.md, {heading}");
        assert!(table.is_sorted(), "{heading}: in alphabetical order");
    }
}

#[test]
fn each_refuses_with_its_code_and_exit_one() {
    for (command, why) in COMMANDS {
        let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let noun = words.drain(..2).collect::<Vec<_>>().join(" ");
        words.extend(["--id".to_owned(), "x".to_owned()]);
        let error = Anything { words }.refuse(&noun).unwrap_err();
        assert_eq!(error.exit() as u8, 1, "{command}");
        assert!(error.message().contains(why) && error.render().contains("NEEDS_AZURE"), "{command}");
    }
    let error = Anything { words: vec!["fly".to_owned()] }.refuse("keyvault region").unwrap_err();
    assert_eq!(error.exit() as u8, 2, "what az does not have is wrong grammar");
    assert!(HsmArg { hsm_name: None }.refuse().is_ok());
    assert_eq!(HsmArg { hsm_name: Some("h".to_owned()) }.refuse().unwrap_err().exit() as u8, 1);
}

#[test]
fn each_is_grammar() {
    fn has(command: &Command, flag: &str) -> bool {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| argument.get_long_and_visible_aliases().is_some_and(|names| names.contains(&flag)))
            || command.get_subcommands().any(|inner| has(inner, flag))
    }
    let grammar = Cli::command();
    for (flag, _) in FLAGS {
        let (noun, flag) = flag.split_once("--").unwrap();
        // Some rows are about one value of a flag.
        let flag = flag.split(' ').next().unwrap();
        let command = noun.split_whitespace().fold(&grammar, |command, word| command.find_subcommand(word).unwrap());
        assert!(has(command, flag), "--{flag} is in the table and nowhere else");
    }
    for (command, _) in COMMANDS {
        let line = format!("softkeep {command}");
        if let Err(error) = Cli::try_parse_from(line.split(' ')) {
            panic!("{error}");
        }
    }
}
