//! The tables as printed (`rfc5024.json`) and what we decided where they leave things open
//! (`decisions.json`), put together: what is to happen for each event in each state.

use std::collections::BTreeMap;

use serde_json::Value;

/// Both files.
pub struct Book {
    printed: Value,
    pub states: Vec<String>,
    groups: BTreeMap<String, Vec<String>>,
    transitions: Value,
    pub branches: Vec<Branch>,
    pub rules: Vec<Rule>,
}

/// A transition that depends on more than event and state.
pub struct Branch {
    pub cell: String,
    pub when: String,
    pub reaction: String,
    /// What the RFC says, where we do otherwise, and why.
    pub otherwise: Option<(String, String)>,
}

/// A decision of ours. The first that fits holds.
pub struct Rule {
    events: Vec<String>,
    states: Vec<String>,
    /// Only where the RFC gives no reaction.
    open: bool,
    pub reaction: String,
    pub why: String,
}

/// An event in a state.
pub struct Pair {
    pub event: String,
    pub state: String,
    /// Table and letter of the cell, if there is one.
    pub cell: Option<(String, String)>,
    /// What the RFC lets happen, if it gives a reaction.
    pub printed: Option<String>,
    /// Which decision holds instead, if one does.
    pub rule: Option<usize>,
    /// What is to happen.
    pub reaction: String,
}

/// Events and states that the engine gives no way to bring about.
pub const CANNOT: &str = "cannot be said";

impl Pair {
    pub fn cannot_be_said(&self) -> bool {
        self.reaction == CANNOT
    }

    pub fn is_as_printed(&self) -> bool {
        self.printed.as_ref() == Some(&self.reaction)
    }

    pub fn letter(&self) -> &str {
        self.cell.as_ref().map_or("–", |(_, letter)| letter)
    }
}

impl Book {
    pub fn read() -> Self {
        let printed: Value = serde_json::from_str(include_str!("rfc5024.json")).unwrap();
        let ours: Value = serde_json::from_str(include_str!("decisions.json")).unwrap();
        let groups = ours["groups"].as_object().unwrap();
        let groups: BTreeMap<_, _> = groups
            .iter()
            .map(|(name, members)| (name.clone(), strings(members)))
            .collect();
        let rules = ours["rules"].as_array().unwrap();
        let rules = rules.iter().map(|rule| Rule::read(rule, &groups)).collect();
        let branches = ours["branches"].as_array().unwrap();
        Self {
            printed,
            states: strings(&ours["states"]),
            groups,
            transitions: ours["transitions"].clone(),
            branches: branches.iter().map(Branch::read).collect(),
            rules,
        }
    }

    /// Every event, group by group.
    pub fn events(&self) -> Vec<String> {
        ["peer", "answers", "ends", "network", "connection"]
            .iter()
            .flat_map(|group| self.groups[*group].clone())
            .collect()
    }

    /// Every event in every state.
    pub fn pairs(&self) -> Vec<Pair> {
        let events = self.events();
        let of = |state: &String| {
            let pairs = events.iter().map(|event| self.pair(event, state));
            pairs.collect::<Vec<_>>()
        };
        self.states.iter().flat_map(of).collect()
    }

    fn pair(&self, event: &str, state: &str) -> Pair {
        let cell = self
            .cell(event, state)
            .or_else(|| self.cell(event, "Other States"));
        let printed = cell.as_ref().and_then(|(table, letter)| {
            let reaction = self.transitions[table].get(letter)?;
            reaction.as_str().map(str::to_owned)
        });
        let fits = |rule: &Rule| rule.fits(event, state, printed.is_some());
        let rule = self.rules.iter().position(fits);
        let reaction = rule.map(|rule| self.rules[rule].reaction.clone());
        let reaction = reaction.or(printed.clone());
        Pair {
            event: event.into(),
            state: state.into(),
            cell,
            printed,
            rule,
            reaction: reaction
                .unwrap_or_else(|| panic!("nothing says what {event} does in {state}")),
        }
    }

    /// The cell of an event in a column. The session table's ESID is that of both reasons.
    fn cell(&self, event: &str, column: &str) -> Option<(String, String)> {
        let tables = self.printed.as_object()?;
        tables.iter().find_map(|(table, content)| {
            let session = event.starts_with("ESID") && table == "session";
            let row = content["rows"].get(if session { "ESID" } else { event })?;
            let columns = strings(&content["states"]);
            let at = columns.iter().position(|name| name == column)?;
            Some((table.clone(), row[at].as_str()?.to_owned()))
        })
    }

    /// How many cells the RFC prints.
    pub fn cells(&self) -> usize {
        let tables = self.printed.as_object().unwrap().values();
        let rows = tables.flat_map(|table| table["rows"].as_object().unwrap().values());
        rows.map(|row| row.as_array().unwrap().len()).sum()
    }
}

impl Rule {
    fn read(json: &Value, groups: &BTreeMap<String, Vec<String>>) -> Self {
        let expand = |names: &Value| -> Vec<String> {
            let names = strings(names).into_iter();
            names
                .flat_map(|name| groups.get(&name).cloned().unwrap_or(vec![name]))
                .collect()
        };
        let except = json.get("except").map(strings).unwrap_or_default();
        let mut events = expand(&json["events"]);
        events.retain(|event| !except.contains(event));
        Self {
            events,
            states: expand(&json["states"]),
            open: json.get("open").is_some_and(|open| open == true),
            reaction: string(&json["reaction"]),
            why: string(&json["why"]),
        }
    }

    fn fits(&self, event: &str, state: &str, printed: bool) -> bool {
        let has = |names: &[String], name: &str| names.iter().any(|one| one == name || one == "*");
        has(&self.events, event) && has(&self.states, state) && !(self.open && printed)
    }
}

impl Branch {
    fn read(json: &Value) -> Self {
        let otherwise = json.get("instead_of").map(string);
        Self {
            cell: string(&json["cell"]),
            when: string(&json["when"]),
            reaction: string(&json["reaction"]),
            otherwise: otherwise.map(|said| (said, string(&json["why"]))),
        }
    }
}

fn string(json: &Value) -> String {
    json.as_str().unwrap().to_owned()
}

fn strings(json: &Value) -> Vec<String> {
    json.as_array().unwrap().iter().map(string).collect()
}
