// The handlers of the table of calls. Looking ones (looks.cpp) read what is known; changing ones (changes.cpp, and
// revisions.cpp for what has to do with revisions, adopting.cpp for what is not known yet) ask a cluster's controller
// and may wait for it; verifications have both (verifications.cpp); checks (checks.cpp) answer load balancers and
// supervisors.
#pragma once

#include "serve/call.hpp"

namespace repl::serve {

Result<Response> list_clusters(const Call& call);
Result<Response> show_cluster(const Call& call);
Result<Response> list_nodes(const Call& call);
Result<Response> list_problems(const Call& call);
Result<Response> list_cluster_problems(const Call& call);
Result<Response> list_events(const Call& call);
Result<Response> list_cluster_events(const Call& call);
Result<Response> show_history(const Call& call);
Result<Response> show_operation(const Call& call);
Result<Response> show_revision(const Call& call);
Result<Response> diff_revisions(const Call& call);
Result<Response> list_rules(const Call& call);
Result<Response> show_version(const Call& call);
Result<Response> show_openapi(const Call& call);
Result<Response> show_metrics(const Call& call);

Result<Response> back_up(const Call& call);

Result<Response> describe_found(const Call& call);
Result<Response> validate(const Call& call);
Result<Response> diff(const Call& call);
Result<Response> apply(const Call& call);
Result<Response> roll_back(const Call& call);
Result<Response> rotate_passwords(const Call& call);
Result<Response> check_converged(const Call& call);
Result<Response> switch_over(const Call& call);
Result<Response> fail_over(const Call& call);
Result<Response> cancel(const Call& call);
Result<Response> acknowledge(const Call& call);
Result<Response> pause(const Call& call);
Result<Response> resume(const Call& call);
Result<Response> begin_maintenance(const Call& call);
Result<Response> end_maintenance(const Call& call);
Result<Response> forget(const Call& call);

Result<Response> show_verification(const Call& call);
Result<Response> list_verifications(const Call& call);
Result<Response> list_verified_tables(const Call& call);
Result<Response> list_differences(const Call& call);
Result<Response> start_verification(const Call& call);
Result<Response> stop_verification(const Call& call);

Result<Response> check_liveness(const Call& call);
Result<Response> check_readiness(const Call& call);
Result<Response> check_primary(const Call& call);
Result<Response> check_replica(const Call& call);
Result<Response> check_read_only(const Call& call);
Result<Response> check_sync(const Call& call);
Result<Response> check_health(const Call& call);

/// Why the loops are not alive; empty: they are. What /liveness and the watchdog of systemd go by.
std::string not_alive(const run::Registry& registry, const Metrics& metrics, Time now);

}  // namespace repl::serve
