//! TABLE: the places that a group or vault can be said to be in: Azure's regions, so that its commands and scripts mean the same here, and
//! "local", where everything really is.

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// In small letters without blanks: what is stored.
    pub name: &'static str,
    /// What people write.
    pub display_name: &'static str,
    /// The part of the world.
    pub geography_group: &'static str,
}

impl Location {
    /// "(Asia Pacific) East Asia".
    pub fn regional_display_name(&self) -> String {
        format!("({}) {}", self.geography_group, self.display_name)
    }
}

/// Where a vault is when nobody says.
pub const LOCAL: &str = "local";

/// A longer name is a mistake.
const MAX_LOCATION_LEN: usize = 64;

const fn at(geography_group: &'static str, name: &'static str, display_name: &'static str) -> Location {
    Location { name, display_name, geography_group }
}

/// All of them, this machine first.
pub const LOCATIONS: [Location; 60] = [
    at("Local", LOCAL, "Local"),
    at("US", "eastus", "East US"),
    at("US", "eastus2", "East US 2"),
    at("US", "centralus", "Central US"),
    at("US", "northcentralus", "North Central US"),
    at("US", "southcentralus", "South Central US"),
    at("US", "westcentralus", "West Central US"),
    at("US", "westus", "West US"),
    at("US", "westus2", "West US 2"),
    at("US", "westus3", "West US 3"),
    at("Canada", "canadacentral", "Canada Central"),
    at("Canada", "canadaeast", "Canada East"),
    at("Mexico", "mexicocentral", "Mexico Central"),
    at("South America", "brazilsouth", "Brazil South"),
    at("South America", "brazilsoutheast", "Brazil Southeast"),
    at("South America", "chilecentral", "Chile Central"),
    at("Europe", "northeurope", "North Europe"),
    at("Europe", "westeurope", "West Europe"),
    at("Europe", "uksouth", "UK South"),
    at("Europe", "ukwest", "UK West"),
    at("Europe", "francecentral", "France Central"),
    at("Europe", "francesouth", "France South"),
    at("Europe", "germanynorth", "Germany North"),
    at("Europe", "germanywestcentral", "Germany West Central"),
    at("Europe", "switzerlandnorth", "Switzerland North"),
    at("Europe", "switzerlandwest", "Switzerland West"),
    at("Europe", "norwayeast", "Norway East"),
    at("Europe", "norwaywest", "Norway West"),
    at("Europe", "swedencentral", "Sweden Central"),
    at("Europe", "polandcentral", "Poland Central"),
    at("Europe", "italynorth", "Italy North"),
    at("Europe", "spaincentral", "Spain Central"),
    at("Europe", "austriaeast", "Austria East"),
    at("Europe", "belgiumcentral", "Belgium Central"),
    at("Europe", "denmarkeast", "Denmark East"),
    at("Asia Pacific", "eastasia", "East Asia"),
    at("Asia Pacific", "southeastasia", "Southeast Asia"),
    at("Asia Pacific", "australiaeast", "Australia East"),
    at("Asia Pacific", "australiasoutheast", "Australia Southeast"),
    at("Asia Pacific", "australiacentral", "Australia Central"),
    at("Asia Pacific", "australiacentral2", "Australia Central 2"),
    at("Asia Pacific", "japaneast", "Japan East"),
    at("Asia Pacific", "japanwest", "Japan West"),
    at("Asia Pacific", "koreacentral", "Korea Central"),
    at("Asia Pacific", "koreasouth", "Korea South"),
    at("Asia Pacific", "centralindia", "Central India"),
    at("Asia Pacific", "southindia", "South India"),
    at("Asia Pacific", "westindia", "West India"),
    at("Asia Pacific", "jioindiacentral", "Jio India Central"),
    at("Asia Pacific", "jioindiawest", "Jio India West"),
    at("Asia Pacific", "indonesiacentral", "Indonesia Central"),
    at("Asia Pacific", "malaysiawest", "Malaysia West"),
    at("Asia Pacific", "newzealandnorth", "New Zealand North"),
    at("Middle East", "uaenorth", "UAE North"),
    at("Middle East", "uaecentral", "UAE Central"),
    at("Middle East", "qatarcentral", "Qatar Central"),
    at("Middle East", "israelcentral", "Israel Central"),
    at("Africa", "southafricanorth", "South Africa North"),
    at("Africa", "southafricawest", "South Africa West"),
    at("Asia Pacific", "taiwannorth", "Taiwan North"),
];

/// The name that is stored for what somebody wrote: "East Asia" is `eastasia`. A place that the table does not have is kept as it is
/// written; `None` for what is no name at all.
pub fn normalize(text: &str) -> Option<String> {
    let name: String = text.chars().filter(|letter| *letter != ' ').map(|letter| letter.to_ascii_lowercase()).collect();
    let legal = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    ((1..=MAX_LOCATION_LEN).contains(&name.len()) && name.bytes().all(legal)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_by_what_people_write() {
        for location in LOCATIONS {
            assert_eq!(normalize(location.display_name).as_deref(), Some(location.name));
            assert_eq!(normalize(location.name).as_deref(), Some(location.name));
            let same = LOCATIONS.iter().filter(|other| other.name == location.name).count();
            assert_eq!(same, 1, "{}", location.name);
        }
    }

    #[test]
    fn others_are_kept_and_nonsense_is_refused() {
        assert_eq!(normalize("Basement 2").as_deref(), Some("basement2"));
        assert_eq!(normalize("EastAsia").as_deref(), Some("eastasia"));
        for text in ["", "   ", "a/b", "a_b", "ä", "a\n", &"a".repeat(65)] {
            assert_eq!(normalize(text), None, "{text:?}");
        }
    }
}
