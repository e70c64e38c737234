// The lists of replctl as tables: from the JSON of the API to rows. Pure.
#pragma once

#include "ctl/json.hpp"
#include "ctl/tables.hpp"

namespace repl::ctl {

Table clusters_table(const std::vector<const Json*>& clusters);
Table nodes_table(const std::vector<const Json*>& nodes);
/// @param now  ages are told from here
Table problems_table(const std::vector<const Json*>& problems, Time now);
Table rules_table(const std::vector<const Json*>& rules);
/// Revisions and operations in one list, newest first.
Table history_table(const Json& history);
/// Who works where, and until when: Maintenance with "cluster" and "node", which is null for all of it.
Table maintenance_table(const std::vector<const Json*>& entries);
/// What each server was like before a revision.
Table prior_state_table(const Json& revision);
/// A revision as a topology file, with what else is known of it as comments.
std::string render_revision(const Json& revision, bool with_state, const Style& style);
Table steps_table(const Json& operation);
Table events_table(const std::vector<const Json*>& events);

/// One event on one line, in fixed columns, for a list that goes on.
std::string event_line(const Json& event, const Style& style);

}  // namespace repl::ctl
