// One description per stored struct: key and member, in the order of the declaration. The structured binding names all
// members, so that a struct with a new one does not compile before it is described here. `v` is the writing or the
// reading visitor of codec.cpp. A member that is added after the first release is described with `v.added`: documents
// from before keep its default. Keys are never renamed. Units stand in the keys.
#pragma once

#include "model/operation.hpp"

namespace repl::store {

// ---- spec

template <class V>
void fields(V& v, SecretRef& s) {
  auto& [kind, value] = s;
  v("kind", kind);
  v("value", value);
}

template <class V>
void fields(V& v, Account& a) {
  auto& [user, password, schemas] = a;
  v("user", user);
  v("password", password);
  v("schemas", schemas);
}

template <class V>
void fields(V& v, Address& a) {
  auto& [host, port] = a;
  v("host", host);
  v("port", port);
}

template <class V>
void fields(V& v, NodeSpec& n) {
  auto& [id, address, type, region, promotion, delay, read_weight, follows, settings, skip_errors] = n;
  v("name", id);
  v("address", address);
  v("type", type);
  v("region", region);
  v("promotion", promotion);
  v("delay_s", delay);
  v("read_weight", read_weight);
  v("follows", follows);
  v("settings", settings);
  v.added("skip_errors", skip_errors);
}

template <class V>
void fields(V& v, SyncSpec& s) {
  auto& [mode, acks, on_too_few, timeout] = s;
  v("mode", mode);
  v("acks", acks);
  v("on_too_few", on_too_few);
  v("timeout_ms", timeout);
}

template <class V>
void fields(V& v, DetectionSpec& d) {
  auto& [probe_interval, probe_timeout, misses] = d;
  v("probe_interval_ms", probe_interval);
  v("probe_timeout_ms", probe_timeout);
  v("misses", misses);
}

template <class V>
void fields(V& v, FailoverSpec& f) {
  auto& [automatic, detection, blocked_after, fencing, max_lag, min_replicas, cross_region, cooldown, per_day, rejoin] =
      f;
  v("automatic", automatic);
  v("detection", detection);
  v("blocked_after_ms", blocked_after);
  v("fencing", fencing);
  v("max_lag_s", max_lag);
  v("min_replicas", min_replicas);
  v("cross_region", cross_region);
  v("cooldown_s", cooldown);
  v("per_day", per_day);
  v("rejoin", rejoin);
}

template <class V>
void fields(V& v, TlsSpec& t) {
  auto& [mode, ca] = t;
  v("mode", mode);
  v("ca", ca);
}

template <class V>
void fields(V& v, GroupSpec& g) {
  auto& [expel_after, majority_timeout, consistency, weights] = g;
  v("expel_after_s", expel_after);
  v("majority_timeout_s", majority_timeout);
  v("consistency", consistency);
  v("weights", weights);
}

template <class V>
void fields(V& v, ConsistencySpec& c) {
  auto& [checksum_every, schemas] = c;
  v("checksum_every_s", checksum_every);
  v("schemas", schemas);
}

template <class V>
void fields(V& v, PasswordPolicy& p) {
  auto& [min_length, history, expire_after, max_failed_logins, lock_for] = p;
  v("min_length", min_length);
  v("history", history);
  v("expire_after_s", expire_after);
  v("max_failed_logins", max_failed_logins);
  v("lock_for_s", lock_for);
}

template <class V>
void fields(V& v, HooksSpec& h) {
  auto& [pre_failover, post_failover, pre_switchover, post_switchover, timeout] = h;
  v("pre_failover", pre_failover);
  v("post_failover", post_failover);
  v("pre_switchover", pre_switchover);
  v("post_switchover", post_switchover);
  v("timeout_ms", timeout);
}

template <class V>
void fields(V& v, Spec& s) {
  auto& [cluster, topology, positioning, sync, nodes, accounts, tls, failover, provisioning, group, settings, alert_lag,
         consistency, password_policy, management, drift, hooks, tuning, skip_errors] = s;
  v("cluster", cluster);
  v("topology", topology);
  v("positioning", positioning);
  v("sync", sync);
  v("nodes", nodes);
  v("accounts", accounts);
  v("tls", tls);
  v("failover", failover);
  v("provisioning", provisioning);
  v.added("group", group);
  v("settings", settings);
  v("alert_lag_ms", alert_lag);
  v.added("consistency", consistency);
  v.added("password_policy", password_policy);
  v.added("management", management);
  v.added("drift", drift);
  v.added("hooks", hooks);
  v.added("tuning", tuning);
  v.added("skip_errors", skip_errors);
}

// ---- steps; the key "name" is written beside these

template <class V>
void fields(V& v, InstallPlugin& s) {
  auto& [node, plugin] = s;
  v("node", node);
  v("plugin", plugin);
}

template <class V>
void fields(V& v, UninstallPlugin& s) {
  auto& [node, plugin] = s;
  v("node", node);
  v("plugin", plugin);
}

template <class V>
void fields(V& v, CreateAccount& s) {
  auto& [node, role, account, logged] = s;
  v("node", node);
  v("role", role);
  v("account", account);
  v("logged", logged);
}

template <class V>
void fields(V& v, DropAccount& s) {
  auto& [node, role, account, logged] = s;
  v("node", node);
  v("role", role);
  v("account", account);
  v("logged", logged);
}

template <class V>
void fields(V& v, AmendAccount& s) {
  auto& [node, role, account, faults, logged] = s;
  v("node", node);
  v("role", role);
  v("account", account);
  v("faults", faults);
  v("logged", logged);
}

template <class V>
void fields(V& v, RotatePassword& s) {
  auto& [node, role, account] = s;
  v("node", node);
  v("role", role);
  v("account", account);
}

template <class V>
void fields(V& v, DiscardFormerPassword& s) {
  auto& [node, role, account] = s;
  v("node", node);
  v("role", role);
  v("account", account);
}

template <class V>
void fields(V& v, RenewReceiver& s) {
  auto& [replica] = s;
  v("replica", replica);
}

template <class V>
void fields(V& v, SetVariable& s) {
  auto& [node, name, from, to, was_persisted, origin] = s;
  v("node", node);
  v("variable", name);
  v("from", from);
  v("to", to);
  v.added("was_persisted", was_persisted);
  v.added("origin", origin);
}

template <class V>
void fields(V& v, ResetVariable& s) {
  auto& [node, name, from, to] = s;
  v("node", node);
  v("variable", name);
  v("from", from);
  v("to", to);
}

template <class V>
void fields(V& v, PersistReadOnly& s) {
  auto& [node, from, to] = s;
  v("node", node);
  v("from", from);
  v("to", to);
}

template <class V>
void fields(V& v, SetReadOnly& s) {
  auto& [node, from, to, lock_wait, only_with_semi_sync, for_good] = s;
  v("node", node);
  v("from", from);
  v("to", to);
  v("lock_wait_ms", lock_wait);
  v("only_with_semi_sync", only_with_semi_sync);
  v.added("for_good", for_good);
}

template <class V>
void fields(V& v, SetOfflineMode& s) {
  auto& [node, from, to] = s;
  v("node", node);
  v("from", from);
  v("to", to);
}

template <class V>
void fields(V& v, SetSemiSyncSource& s) {
  auto& [node, from, to, acks_from, acks_to] = s;
  v("node", node);
  v("from", from);
  v("to", to);
  v("acks_from", acks_from);
  v("acks_to", acks_to);
}

template <class V>
void fields(V& v, SetSemiSyncReplica& s) {
  auto& [node, from, to] = s;
  v("node", node);
  v("from", from);
  v("to", to);
}

template <class V>
void fields(V& v, ResetGtids& s) {
  auto& [node, discarded] = s;
  v("node", node);
  v("discarded", discarded);
}

template <class V>
void fields(V& v, StartReplication& s) {
  auto& [replica] = s;
  v("replica", replica);
}

template <class V>
void fields(V& v, StopReplication& s) {
  auto& [replica] = s;
  v("replica", replica);
}

template <class V>
void fields(V& v, DetachReceiver& s) {
  auto& [replica, from] = s;
  v("replica", replica);
  v("from", from);
}

template <class V>
void fields(V& v, FollowSource& s) {
  auto& [replica, from, to, delay, delay_before, channel] = s;
  v("replica", replica);
  v("from", from);
  v("to", to);
  v("delay_s", delay);
  v.added("delay_before_s", delay_before);
  v.added("channel", channel);
}

template <class V>
void fields(V& v, ForgetSource& s) {
  auto& [replica, from, delay, channel] = s;
  v("replica", replica);
  v("from", from);
  v.added("delay_s", delay);
  v.added("channel", channel);
}

template <class V>
void fields(V& v, WaitForApplied& s) {
  auto& [replica, source, timeout] = s;
  v("replica", replica);
  v("source", source);
  v("timeout_ms", timeout);
}

template <class V>
void fields(V& v, ApplyReceived& s) {
  auto& [replica, received, timeout] = s;
  v("replica", replica);
  v("received", received);
  v("timeout_ms", timeout);
}

template <class V>
void fields(V& v, WaitForGtids& s) {
  auto& [node, timeout] = s;
  v("node", node);
  v("timeout_ms", timeout);
}

template <class V>
void fields(V& v, WaitForAckers& s) {
  auto& [source, count, timeout] = s;
  v("source", source);
  v("count", count);
  v("timeout_ms", timeout);
}

template <class V>
void fields(V& v, CloseReturned& s) {
  auto& [node] = s;
  v("node", node);
}

template <class V>
void fields(V& v, CloneFrom& s) {
  auto& [node, donor, discarded, timeout, must_be_empty] = s;
  v("node", node);
  v("donor", donor);
  v("discarded", discarded);
  v("timeout_ms", timeout);
  v.added("must_be_empty", must_be_empty);
}

template <class V>
void fields(V& v, StartVariable& s) {
  auto& [name, from, to, persisted_from, persisted_to] = s;
  v("variable", name);
  v("from", from);
  v("to", to);
  v("persisted_from", persisted_from);
  v("persisted_to", persisted_to);
}

template <class V>
void fields(V& v, RestartServer& s) {
  auto& [node, timeout, variables, replicates] = s;
  v("node", node);
  v("timeout_ms", timeout);
  v.added("variables", variables);
  v.added("replicates", replicates);
}

template <class V>
void fields(V& v, StartGroup& s) {
  auto& [node, how, timeout, from] = s;
  v("node", node);
  v("how", how);
  v("timeout_ms", timeout);
  v.added("from", from);
}

template <class V>
void fields(V& v, StopGroup& s) {
  auto& [node, back, leaves] = s;
  v("node", node);
  v("back", back);
  v.added("leaves", leaves);
}

template <class V>
void fields(V& v, SetGroupPrimary& s) {
  auto& [node, from] = s;
  v("node", node);
  v("from", from);
}

template <class V>
void fields(V& v, SetGroupMode& s) {
  auto& [node, from_multi_primary, to_multi_primary] = s;
  v("node", node);
  v("from_multi_primary", from_multi_primary);
  v("to_multi_primary", to_multi_primary);
}

template <class V>
void fields(V& v, RetireGtids& s) {
  auto& [node, retired] = s;
  v("node", node);
  v("retired", retired);
}

template <class V>
void fields(V& v, RunHook& s) {
  auto& [node, from, point, program, timeout] = s;
  v("node", node);
  v("from", from);
  v("point", point);
  v("program", program);
  v("timeout_ms", timeout);
}

// ---- operations

template <class V>
void fields(V& v, Error& e) {
  auto& [code, message] = e;
  v("code", code);
  v("message", message);
}

template <class V>
void fields(V& v, StepResult& r) {
  auto& [error, certain, position, took, output] = r;
  v("error", error);
  v("certain", certain);
  v("position", position);
  v("took_us", took);
  v.added("output", output);
}

template <class V>
void fields(V& v, StepProgress& p) {
  auto& [state, attempts, doubtful, changed_at, result] = p;
  v("state", state);
  v("attempts", attempts);
  v("doubtful", doubtful);
  v("changed_at_us", changed_at);
  v("result", result);
}

template <class V>
void fields(V& v, PlannedStep& s) {
  auto& [step, after, best_effort] = s;
  v("step", step);
  v("after", after);
  v("best_effort", best_effort);
}

template <class V>
void fields(V& v, Plan& p) {
  auto& [goal, steps, point_of_no_return, promotes, reasons] = p;
  v("goal", goal);
  v("steps", steps);
  v("point_of_no_return", point_of_no_return);
  v("promotes", promotes);
  v("reasons", reasons);
}

template <class V>
void fields(V& v, Operation& o) {
  auto& [id, goal, phase, term, revision, plan, progress, state, started, finished, asked_by, cause, old_primary,
         error] = o;
  v("id", id);
  v("goal", goal);
  v("phase", phase);
  v("term", term);
  v("revision", revision);
  v("plan", plan);
  v("progress", progress);
  v("state", state);
  v("started_us", started);
  v("finished_us", finished);
  v("asked_by", asked_by);
  v("cause", cause);
  v("old_primary", old_primary);
  v("error", error);
}

// ---- revisions

template <class V>
void fields(V& v, VariableState& s) {
  auto& [value, persisted] = s;
  v("value", value);
  v("persisted", persisted);
}

template <class V>
void fields(V& v, ServerVersion& s) {
  auto& [major, minor, patch] = s;
  v("major", major);
  v("minor", minor);
  v("patch", patch);
}

template <class V>
void fields(V& v, SemiSync& s) {
  auto& [source_plugin, replica_plugin, source_enabled, source_status, clients, wait_sessions, wait_for_count,
         wait_no_replica, after_sync, timeout, replica_enabled, replica_status] = s;
  v("source_plugin", source_plugin);
  v("replica_plugin", replica_plugin);
  v("source_enabled", source_enabled);
  v("source_status", source_status);
  v("clients", clients);
  v("wait_sessions", wait_sessions);
  v("wait_for_count", wait_for_count);
  v("wait_no_replica", wait_no_replica);
  v("after_sync", after_sync);
  v("timeout_ms", timeout);
  v("replica_enabled", replica_enabled);
  v("replica_status", replica_status);
}

template <class V>
void fields(V& v, PriorState& s) {
  auto& [node, address, reached, at, server_uuid, server_id, version, read_only, super_read_only_persisted,
         offline_mode, executed, source, receiver, applier, delay, semi_sync, variables] = s;
  v("node", node);
  v("address", address);
  v("reached", reached);
  v("at_us", at);
  v("server_uuid", server_uuid);
  v("server_id", server_id);
  v("version", version);
  v("read_only", read_only);
  v("super_read_only_persisted", super_read_only_persisted);
  v("offline_mode", offline_mode);
  v("executed", executed);
  v("source", source);
  v("receiver", receiver);
  v("applier", applier);
  v("delay_s", delay);
  v("semi_sync", semi_sync);
  v("variables", variables);
}

template <class V>
void fields(V& v, AppliedRevision& r) {
  auto& [revision, at, author, note, back_to, document, spec, operation, state, finished, before] = r;
  v("revision", revision);
  v("at_us", at);
  v("author", author);
  v("note", note);
  v("back_to", back_to);
  v("document", document);
  v("spec", spec);
  v("operation", operation);
  v("state", state);
  v("finished_us", finished);
  v("before", before);
}

// ---- memory and events

template <class V>
void fields(V& v, Office& o) {
  auto& [term, primary, ackers, acks, inherited, returns_read_only, commits_wait, since, failed_hooks, hooks_due] = o;
  v("term", term);
  v("primary", primary);
  v("ackers", ackers);
  v("acks", acks);
  v("inherited", inherited);
  v("returns_read_only", returns_read_only);
  v("commits_wait", commits_wait);
  v("since_us", since);
  v.added("failed_hooks", failed_hooks);
  v.added("hooks_due", hooks_due);
}

template <class V>
void fields(V& v, Maintenance& m) {
  auto& [node, since, until, by, reason] = m;
  v("node", node);
  v("since_us", since);
  v("until_us", until);
  v("by", by);
  v("reason", reason);
}

template <class V>
void fields(V& v, Memory& m) {
  auto& [revision, spec, proposed, office, operation, operations, paused, automatic_failovers, acknowledged,
         quarantined, closed, revisions, prior_settings, proposed_prior_settings, maintenance, restored, discarded] = m;
  v("revision", revision);
  v("spec", spec);
  v("proposed", proposed);
  v("office", office);
  v("operation", operation);
  v("operations", operations);
  v("paused", paused);
  v("automatic_failovers_us", automatic_failovers);
  v("acknowledged_us", acknowledged);
  v("quarantined", quarantined);
  v("closed", closed);
  v.added("revisions", revisions);
  v.added("prior_settings", prior_settings);
  v.added("proposed_prior_settings", proposed_prior_settings);
  v.added("maintenance", maintenance);
  v.added("restored_us", restored);
  v.added("discarded", discarded);
}

template <class V>
void fields(V& v, Event& e) {
  auto& [at, severity, kind, node, operation, text] = e;
  v("at_us", at);
  v("severity", severity);
  v("kind", kind);
  v("node", node);
  v("operation", operation);
  v("text", text);
}

}  // namespace repl::store
