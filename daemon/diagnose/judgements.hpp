// Questions and words that several rules need: each one expression over Facts.
#pragma once

#include <string>
#include <string_view>

#include "diagnose/facts.hpp"

namespace repl::diagnose {

std::string primary_name(const Facts& f);
std::string what_replicas_say(const Facts& f);
std::string last_words(const Facts& f);
/// The primary answers nothing at all, and we are not the ones cut off. A group elects the next by itself.
bool primary_gone(const Facts& f);
/// No replica hears the primary and at least one lost it: a second witness.
bool replicas_agree_it_is_gone(const Facts& f);
/// A node that was primary once, closed or not, with clients whose commits nobody has acknowledged: switching semi-sync
/// off would tell them that all is well.
bool clients_wait_in_commits(const NodeFacts& n);
/// Connection errors pass by themselves, and stay in the channel of a receiver that was stopped since.
bool receiver_needs_a_person(const NodeFacts& n);
bool healthy_follower(const NodeFacts& n);
/// What stands in the way of replication further up is found first: in a tree the primary, in a ring the node before.
bool source_answers(const Facts& f, const NodeFacts& n);
/// What the node needs from its source is still there, and nothing says that it is not to be attached.
bool may_be_attached(const Facts& f, const NodeFacts& n);
bool takes_writes(const NodeFacts& n);
enum class NeedRestart { No, Yes };
/// "max_connections is 151 instead of 500"
std::string listed(const std::vector<DeviatingSetting>& deviating);
/// Of the variables that need a restart, or of the others.
std::string settings_that(const Facts& f, const NodeFacts& n, NeedRestart need);
/// "application 'shop_app' (grants, policy)", as last looked at thoroughly; "" when all is as declared.
std::string deviations(const Facts& f, const NodeFacts& n);
/// The source takes what is declared: else the receiver would be lost.
bool receiver_outdated(const Facts& f, const NodeFacts& n);
bool is_member(const NodeFacts& n);
/// A member of a group that runs with one primary, or with several, as its members say.
bool in_single_primary_group(const NodeFacts& n);
bool in_multi_primary_group(const NodeFacts& n);
/// By its own word it is a primary of its group.
bool is_elected(const NodeFacts& n);
/// The group lives, and this node is none of it.
bool out_of_the_group(const Facts& f, const NodeFacts& n);
/// No node is in the group, and none waits for its majority: all were stopped.
bool group_is_down(const Facts& f);

}  // namespace repl::diagnose
