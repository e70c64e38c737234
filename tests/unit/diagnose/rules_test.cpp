// Every row of both rule tables, both ways: a situation in which it matches, and the nearest ones in which it must not.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "unit/diagnose/found.hpp"

namespace repl::test {
namespace {

enum class Rule { Matches, IsQuiet };

struct RuleRow {
  const char* problem;  ///< With the node in brackets for a rule about a node.
  Rule expected;
  const char* when;  ///< The situation, as part of the test's name.
  std::function<Cluster()> cluster;
};

/// `change` applied to a cluster.
std::function<Cluster()> with(Cluster c, const std::function<void(Cluster&)>& change) {
  change(c);
  return [c] { return c; };
}

void as_declared(Seen& node) {
  node.inventory().accounts = {AccountRole::Admin, AccountRole::Replication};
}
void deviates(Seen& node, AccountFault fault) {
  node.inventory().accounts = {AccountRole::Admin};
  node.inventory().account_faults[AccountRole::Replication] = {fault};
}

const std::vector<RuleRow>& rows() {
  static const std::vector<RuleRow> kRows{
      // ---- the cluster as a whole
      {"ObserverIsolated", Rule::Matches, "NothingAnswers",
       with(async(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.silent(3);
            })},
      {"ObserverIsolated", Rule::Matches, "LessThanHalfOfTheOthersAnswer",
       with(running(spec_of("a b c d")), [](Cluster& c) { c.freeze("a"), c["b"].silent(3), c["c"].silent(3); })},
      {"ObserverIsolated", Rule::IsQuiet, "HalfOfTheOthersAnswer",
       with(async(), [](Cluster& c) { c.kill("a"), c["b"].silent(3); })},
      {"ObserverIsolated", Rule::IsQuiet, "OnlyThePrimaryAnswers",
       with(async(),
            [](Cluster& c) {
              c["b"].silent(3);
              c["c"].silent(3);
            })},
      {"ObserverIsolated", Rule::IsQuiet, "TheOthersAnswerWithErrors",
       with(async(),
            [](Cluster& c) {
              c["a"].refused();
              c["b"].too_many_connections();
              c["c"].access_denied();
            })},

      {"FilteredReplica(b)", Rule::Matches, "ItHasFilters",
       with(async(), [](Cluster& c) { c["b"].channel().filters = "REPLICATE_DO_DB=shop"; })},
      {"FilteredReplica(b)", Rule::Matches, "ANodeOfARingHasFiltersWhateverItsPromotion",
       with(running(spec_of("a b c").promotion("b", Promotion::Never).ring()),
            [](Cluster& c) { c["b"].channel().filters = "REPLICATE_DO_DB=shop"; })},
      {"FilteredReplica(b)", Rule::IsQuiet, "ItIsNeverPromotedByDeclaration",
       with(running(spec_of("a b c").promotion("b", Promotion::Never)),
            [](Cluster& c) { c["b"].channel().filters = "REPLICATE_DO_DB=shop"; })},
      {"FilteredReplica(b)", Rule::IsQuiet, "ThereAreNone", async},

      {"DeadPrimary", Rule::Matches, "RefusedAndAllReplicasLostIt", with(async(), [](Cluster& c) { c.kill("a"); })},
      {"DeadPrimary", Rule::Matches, "RefusedAndTheOnlyReachedReplicaLostIt",
       with(async(), [](Cluster& c) { c.kill("a"), c["c"].silent(3); })},
      {"DeadPrimary", Rule::Matches, "AReplicaRunsInSilence",
       with(async(),
            [](Cluster& c) {
              c["a"].refused();
              c["b"].hears_nothing_for(1600ms);
              c["c"].hears_nothing_for(1600ms);
            })},
      {"DeadPrimary", Rule::IsQuiet, "OneReplicaStillHearsIt",
       with(async(), [](Cluster& c) { c.kill("a"), c["c"].follow("a"); })},
      {"DeadPrimary", Rule::IsQuiet, "NoReplicaBearsWitness",
       with(async(),
            [](Cluster& c) {
              c["a"].refused();
              c["b"].receiver_stopped();
              c["c"].receiver_stopped();
            })},
      {"DeadPrimary", Rule::IsQuiet, "ItIsSilentInstead", with(async(), [](Cluster& c) { c.freeze("a"); })},
      {"DeadPrimary", Rule::IsQuiet, "ItAnswers", with(async(), [](Cluster& c) { c.replicas_lose("a"); })},

      {"SilentPrimary", Rule::Matches, "SilentForGoodAndReplicasLostIt",
       with(async(), [](Cluster& c) { c.freeze("a"); })},
      {"SilentPrimary", Rule::Matches, "LostForGoodAndReplicasLostIt",
       with(async(), [](Cluster& c) { c["a"].lost(3), c.replicas_lose("a"); })},
      {"SilentPrimary", Rule::IsQuiet, "OneMissTooFew",
       with(async(), [](Cluster& c) { c["a"].silent(2), c.replicas_lose("a"); })},
      {"SilentPrimary", Rule::IsQuiet, "AReplicaHearsIt",
       with(async(), [](Cluster& c) { c.freeze("a"), c["b"].follow("a"); })},
      {"SilentPrimary", Rule::IsQuiet, "NoReplicaBearsWitness",
       with(async(),
            [](Cluster& c) {
              c["a"].silent(9);
              c["b"].receiver_stopped();
              c["c"].silent(1);
            })},
      {"SilentPrimary", Rule::IsQuiet, "ItIsRefused", with(async(), [](Cluster& c) { c.kill("a"); })},

      {"PrimaryUnreachable", Rule::Matches, "SilentButHeard", with(async(), [](Cluster& c) { c["a"].silent(3); })},
      {"PrimaryUnreachable", Rule::Matches, "RefusedButHeardByOne",
       with(async(), [](Cluster& c) { c.kill("a"), c["b"].follow("a"); })},
      {"PrimaryUnreachable", Rule::IsQuiet, "NobodyHearsIt", with(async(), [](Cluster& c) { c.kill("a"); })},
      {"PrimaryUnreachable", Rule::IsQuiet, "ItAnswers", async},

      {"PrimaryNotAnswering", Rule::Matches, "SilentForOneProbeOnly",
       with(async(), [](Cluster& c) { c["a"].silent(1), c.replicas_lose("a"); })},
      {"PrimaryNotAnswering", Rule::Matches, "RefusedAndNoReplicaBearsWitness",
       with(async(),
            [](Cluster& c) {
              c["a"].refused();
              c["b"].receiver_stopped();
              c["c"].receiver_stopped();
            })},
      {"PrimaryNotAnswering", Rule::IsQuiet, "ItIsDead", with(async(), [](Cluster& c) { c.kill("a"); })},
      {"PrimaryNotAnswering", Rule::IsQuiet, "ReplicasHearIt", with(async(), [](Cluster& c) { c["a"].silent(1); })},
      {"PrimaryNotAnswering", Rule::IsQuiet, "ItAnswers", async},

      {"AnotherPrimary", Rule::Matches, "ItFollowsAWriter",
       with(async(),
            [](Cluster& c) {
              c["a"].read_only(ReadOnly::Super).follow("b");
              c["b"].no_channel().writable();
            })},
      {"AnotherPrimary", Rule::IsQuiet, "ItTakesWritesItself",
       with(async(),
            [](Cluster& c) {
              c["a"].follow("b");
              c["b"].no_channel().writable();
            })},
      {"AnotherPrimary", Rule::IsQuiet, "WhomItFollowsIsClosedToo",
       with(async(), [](Cluster& c) { c["a"].read_only(ReadOnly::Super).follow("b"); })},
      {"PrimaryBehind", Rule::Matches, "AReplicaHasReceivedMore",
       with(async(),
            [](Cluster& c) {
              c["a"].read_only(ReadOnly::Super).executed("A:1-90");
              c["b"].received("A:1-100");
            })},
      {"PrimaryBehind", Rule::Matches, "LessThanWhenItCameIntoOffice",
       with(async(),
            [](Cluster& c) {
              c.office.inherited = gtids("A:1-100");
              c["a"].read_only(ReadOnly::Super).executed("A:1-90");
              c["b"].silent(3);
              c["c"].silent(3);
            })},
      {"PrimaryBehind", Rule::IsQuiet, "ItTakesWritesSoALookAtAReplicaMayBeLater",
       with(async(), [](Cluster& c) { c["b"].received("A:1-105"); })},
      {"PrimaryBehind", Rule::IsQuiet, "OnlyANodeInQuarantineHasMore",
       with(async(),
            [](Cluster& c) {
              c["a"].read_only(ReadOnly::Super);
              c["b"].received("A:1-100,B:1").quarantined();
            })},
      {"PrimaryReadOnly", Rule::Matches, "ItCameBackReadOnly",
       with(async(), [](Cluster& c) { c["a"].read_only(ReadOnly::Super); })},
      {"PrimaryReadOnly", Rule::Matches, "ReadOnlyButNotSuper",
       with(async(), [](Cluster& c) { c["a"].read_only(ReadOnly::On); })},
      {"PrimaryReadOnly", Rule::IsQuiet, "AnotherNodeTakesWrites",
       with(async(),
            [](Cluster& c) {
              c["a"].read_only(ReadOnly::Super);
              c["b"].writable();
            })},
      {"PrimaryReadOnly", Rule::IsQuiet, "ItIsWritable", async},
      {"PrimaryReadOnly", Rule::IsQuiet, "ItDoesNotAnswer", with(async(), [](Cluster& c) { c.kill("a"); })},

      {"PrimaryNotHeard", Rule::Matches, "ItAnswersUsButNoReplica",
       with(semi(), [](Cluster& c) { c.replicas_lose("a"); })},
      {"PrimaryNotHeard", Rule::IsQuiet, "OneReplicaHearsIt",
       with(semi(), [](Cluster& c) { c.replicas_lose("a"), c["c"].follow("a").acker(); })},
      {"PrimaryNotHeard", Rule::IsQuiet, "TheReplicasWereStopped",
       with(semi(),
            [](Cluster& c) {
              c["b"].receiver_stopped();
              c["c"].receiver_stopped();
            })},

      {"CommitsHang", Rule::Matches, "SessionsWaitAndNobodyCanAcknowledge",
       with(semi(),
            [](Cluster& c) {
              c["a"].commits_waiting(4);
              c["b"].refused();
              c["c"].no_acker();
            })},
      {"CommitsHang", Rule::IsQuiet, "EnoughReplicasCanAcknowledge",
       with(semi(), [](Cluster& c) { c["a"].commits_waiting(4), c["b"].refused(); })},
      {"CommitsHang", Rule::IsQuiet, "NoSessionWaits",
       with(semi(),
            [](Cluster& c) {
              c["b"].refused();
              c["c"].refused();
            })},

      {"SemiSyncOff", Rule::Matches, "TheSourceSideIsOff",
       with(semi(), [](Cluster& c) { c["a"].semi_sync_source_off(); })},
      {"SemiSyncOff", Rule::IsQuiet, "DeclaredAsync", with(async(), [](Cluster& c) { c["a"].semi_sync_source_off(); })},
      {"SemiSyncOff", Rule::IsQuiet, "ItIsReadOnlyAnyway",
       with(semi(), [](Cluster& c) { c["a"].semi_sync_source_off().read_only(ReadOnly::Super); })},

      {"SemiSyncFellBack", Rule::Matches, "EnabledButStatusOff",
       with(semi(), [](Cluster& c) { c["a"].now().semi_sync.source_status = false; })},
      {"SemiSyncFellBack", Rule::IsQuiet, "StatusOn", [] { return semi(); }},
      {"SemiSyncFellBack", Rule::IsQuiet, "DeclaredAsync",
       with(async(), [](Cluster& c) { c["a"].waits_for(1).now().semi_sync.source_status = false; })},

      {"DurabilityReduced", Rule::Matches, "MoreCouldAcknowledgeThanAreWaitedFor",
       with(semi(2), [](Cluster& c) { c["a"].waits_for(1); })},
      {"DurabilityReduced", Rule::IsQuiet, "NoMoreCanAcknowledge",
       with(semi(2), [](Cluster& c) { c["a"].waits_for(1), c["b"].refused(); })},
      {"DurabilityReduced", Rule::IsQuiet, "AsDeclared", [] { return semi(2); }},

      {"ForeignAcker", Rule::Matches, "MoreAreConnectedThanThereAreReplicas",
       with(semi(), [](Cluster& c) { c["a"].now().semi_sync.clients = 3; })},
      {"ForeignAcker", Rule::Matches, "OneOfOursDoesNotAcknowledge",
       with(semi(), [](Cluster& c) { c["b"].no_acker(); })},
      {"ForeignAcker", Rule::IsQuiet, "OneOfOursDoesNotAnswerAndMayBeConnected",
       with(semi(), [](Cluster& c) { c["b"].silent(3); })},
      {"ForeignAcker", Rule::IsQuiet, "AllAreOurs", [] { return semi(); }},

      {"AcksMissing", Rule::Matches, "AReplicaIsDown", with(semi(2), [](Cluster& c) { c["b"].refused(); })},
      {"AcksMissing", Rule::Matches, "SyncAndAReplicaIsDown",
       with(running(spec_of("a b c").sync_all()), [](Cluster& c) { c["b"].refused(); })},
      {"AcksMissing", Rule::IsQuiet, "OneOfTwoIsEnough", with(semi(1), [](Cluster& c) { c["b"].refused(); })},
      {"AcksMissing", Rule::IsQuiet, "DeclaredAsync", with(async(), [](Cluster& c) { c["b"].refused(); })},

      {"PrimaryReplicates", Rule::Matches, "AChannelIsLeft",
       with(running(spec_of("a b c"), "b"), [](Cluster& c) { c["b"].follow("a"); })},
      {"PrimaryReplicates", Rule::Matches, "AChannelPointedAwayIsLeft",
       with(running(spec_of("a b c"), "b"), [](Cluster& c) { c["b"].follow("a").detached(); })},
      {"PrimaryReplicates", Rule::IsQuiet, "ItReplicatesFromAStranger",
       with(async(), [](Cluster& c) { c["a"].follow_stranger(); })},
      {"PrimaryReplicates", Rule::IsQuiet, "NoChannel", async},

      // ---- one node
      {"WritableReplica(b)", Rule::Matches, "AReplicaIsOpen", with(async(), [](Cluster& c) { c["b"].writable(); })},
      {"WritableReplica(b)", Rule::Matches, "ItIsOpenWhileThePrimaryIsDead",
       with(async(), [](Cluster& c) { c.kill("a"), c["b"].writable(); })},
      {"WritableReplica(b)", Rule::IsQuiet, "ItIsReadOnly", async},
      {"WritableReplica(a)", Rule::IsQuiet, "ItIsThePrimary", async},

      {"ErrantTransactions(b)", Rule::Matches, "ItHasItsOwn",
       with(async(), [](Cluster& c) { c["b"].executed("A:1-100,B:1").errant("B:1"); })},
      {"ErrantTransactions(b)", Rule::IsQuiet, "ItWasNotCompared",
       with(async(), [](Cluster& c) { c["b"].executed("A:1-100,B:1").not_compared(); })},
      {"ErrantTransactions(b)", Rule::IsQuiet, "NothingOfItsOwn", async},
      {"ErrantTransactions(a)", Rule::IsQuiet, "ItIsThePrimary",
       with(async(), [](Cluster& c) { c["a"].errant("B:1"); })},

      {"DelayDiffers(b)", Rule::Matches, "ItAppliesAtOnceAndShouldNot",
       with(running(spec_of("a b c").delayed("b", 60s)), [](Cluster& c) { c["b"].now().channels[0].delay = 0s; })},
      {"DelayDiffers(b)", Rule::Matches, "ItWaitsLongerThanDeclared",
       with(async(), [](Cluster& c) { c["b"].now().channels[0].delay = 60s; })},
      {"DelayDiffers(b)", Rule::IsQuiet, "AsDeclared", [] { return running(spec_of("a b c").delayed("b", 60s)); }},
      {"DelayDiffers(b)", Rule::IsQuiet, "ItFollowsAnother",
       with(async(), [](Cluster& c) { c["b"].follow("c").now().channels[0].delay = 60s; })},

      {"NumbersNotRetired(b)", Rule::Matches, "ThePrimaryLacksThem", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
       })},
      {"NumbersNotRetired(b)", Rule::Matches, "OneMayHaveThemAndDoesNotAnswer", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
         c["c"].silent(3);
       })},
      {"NumbersNotRetired(b)", Rule::IsQuiet, "ThePrimaryHasThem", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
         c["a"].executed("A:1-100,B:1-8");
       })},
      {"NumbersNotRetired(b)", Rule::IsQuiet, "AnotherHasSome", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
         c["c"].executed("A:1-100,B:8");
       })},
      {"NumbersNotRetired(b)", Rule::IsQuiet, "NobodyTakesWrites", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
         c["a"].read_only(ReadOnly::Super);
       })},
      {"DiscardedElsewhere(b)", Rule::Matches, "AnotherHasSome", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
         c["c"].executed("A:1-100,B:8");
       })},
      {"DiscardedElsewhere(b)", Rule::IsQuiet, "NobodyHasAny", with(async(), [](Cluster& c) {
         c["b"].discarded("B:7-8");
       })},

      {"SemiSyncSourceOnReplica(b)", Rule::Matches, "ItsSourceSideIsOn",
       with(semi(), [](Cluster& c) { c["b"].waits_for(1); })},
      {"SemiSyncSourceOnReplica(a)", Rule::IsQuiet, "ItIsThePrimary", [] { return semi(); }},
      {"SemiSyncSourceOnReplica(b)", Rule::IsQuiet, "ItReplicatesFromNobody",
       with(semi(), [](Cluster& c) { c["b"].waits_for(1).no_channel(); })},

      {"NotSuperReadOnly(b)", Rule::Matches, "OnlyReadOnly",
       with(async(), [](Cluster& c) { c["b"].read_only(ReadOnly::On); })},
      {"NotSuperReadOnly(b)", Rule::IsQuiet, "SuperReadOnly", async},
      {"NotSuperReadOnly(b)", Rule::IsQuiet, "WritableIsWorse", with(async(), [](Cluster& c) { c["b"].writable(); })},

      {"NotPersistedReadOnly(b)", Rule::Matches, "AReplicaWouldComeBackOpen",
       with(async(), [](Cluster& c) { c["b"].not_persisted(); })},
      {"NotPersistedReadOnly(a)", Rule::Matches, "ThePrimaryWouldComeBackOpen",
       with(async(), [](Cluster& c) { c["a"].not_persisted(); })},
      {"NotPersistedReadOnly(b)", Rule::IsQuiet, "Persisted", async},

      {"NeedsData(b)", Rule::Matches, "ThePrimaryPurgedWhatItLacks",
       with(async(),
            [](Cluster& c) {
              c["a"].purged("A:1-50");
              c["b"].executed("A:1-40");
            })},
      {"NeedsData(b)", Rule::IsQuiet, "WhatIsPurgedWasReceived",
       with(async(),
            [](Cluster& c) {
              c["a"].purged("A:1-50");
              c["b"].executed("A:1-40").received("A:41-60");
            })},
      {"NeedsData(b)", Rule::IsQuiet, "NothingIsPurged", with(async(), [](Cluster& c) { c["b"].executed("A:1-40"); })},

      {"DetachedNode(b)", Rule::Matches, "ItCameBackWithoutAChannel",
       with(async(), [](Cluster& c) { c["b"].no_channel(); })},
      {"DetachedNode(b)", Rule::Matches, "ItIsPointedAway", with(async(), [](Cluster& c) { c["b"].detached(); })},
      {"DetachedNode(b)", Rule::IsQuiet, "ItsClientsStillWaitInCommits",
       with(semi(), [](Cluster& c) { c["b"].no_channel().now().semi_sync.wait_sessions = 1; })},
      {"WritableReplica(b)", Rule::Matches, "ItsClientsStillWaitInCommits",
       with(semi(), [](Cluster& c) { c["b"].no_channel().now().semi_sync.wait_sessions = 1; })},
      {"WritableReplica(b)", Rule::IsQuiet, "ItsApplierWaits",
       with(semi(), [](Cluster& c) { c["b"].now().semi_sync.wait_sessions = 1; })},
      {"DetachedNode(b)", Rule::IsQuiet, "ItHasItsOwn",
       with(async(), [](Cluster& c) { c["b"].no_channel().errant("B:1"); })},
      {"DetachedNode(b)", Rule::IsQuiet, "ItWasNotCompared",
       with(async(), [](Cluster& c) { c["b"].no_channel().not_compared(); })},
      {"DetachedNode(b)", Rule::IsQuiet, "ItTakesWrites",
       with(async(), [](Cluster& c) { c["b"].no_channel().writable(); })},
      {"DetachedNode(b)", Rule::IsQuiet, "ThePrimaryPurgedWhatItLacks",
       with(async(),
            [](Cluster& c) {
              c["a"].purged("A:1-50");
              c["b"].no_channel().executed("A:1-40");
            })},
      {"DetachedNode(b)", Rule::IsQuiet, "ThePrimaryIsDead",
       with(async(), [](Cluster& c) { c["b"].no_channel(), c.kill("a"); })},
      {"DetachedNode(b)", Rule::IsQuiet, "ItReplicatesFromAStranger",
       with(async(), [](Cluster& c) { c["b"].follow_stranger(); })},
      {"DetachedNode(b)", Rule::IsQuiet, "Attached", async},

      // ---- without GTIDs
      {"PlaceUnknown(b)", Rule::Matches, "APrimaryOfBeforeIsBack",
       with(running_by_position(spec_of("a b c")),
            [](Cluster& c) { c["b"].no_channel().log_at(1500).not_compared(); })},
      {"PlaceUnknown(b)", Rule::Matches, "ItWasLeftBehindByAFailover",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].detached_from("c").not_compared(); })},
      {"PlaceUnknown(b)", Rule::IsQuiet, "ItsChannelKnowsThePlace",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].detached_from("a"); })},
      {"PlaceUnknown(b)", Rule::IsQuiet, "ThereAreGtids",
       with(async(), [](Cluster& c) { c["b"].no_channel().not_compared(); })},
      {"PlaceUnknown(b)", Rule::IsQuiet, "ThePrimaryIsGone",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c.kill("a"), c["b"].detached_from("c"); })},
      {"DetachedNode(b)", Rule::Matches, "ItsChannelKnowsThePlaceInThePrimarysLog",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].detached_from("a"); })},
      {"DetachedNode(b)", Rule::IsQuiet, "ItsChannelKnowsAPlaceInAnotherLog",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].detached_from("c"); })},
      {"DetachedNode(b)", Rule::IsQuiet, "APrimaryOfBeforeIsBackWithoutGtids",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].no_channel().not_compared(); })},
      {"LeftDetached(b)", Rule::IsQuiet, "ItsPlaceIsInAnotherLogThanThePrimarys",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c.kill("a"), c["b"].detached_from("c"); })},
      {"LeftDetached(b)", Rule::Matches, "ItsPlaceIsInThePrimarysLog",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c.kill("a"), c["b"].detached_from("a"); })},
      {"WrongSource(c)", Rule::IsQuiet, "WithoutGtidsItCannotBeMovedInPassing",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["c"].follow("b").places(1000, 1000); })},
      {"MoveNeedsPause(c)", Rule::Matches, "ItFollowsAnotherNode",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["c"].follow("b").places(1000, 1000); })},
      {"MoveNeedsPause(c)", Rule::IsQuiet, "ThereAreGtids", with(async(), [](Cluster& c) { c["c"].follow("b"); })},
      {"MoveNeedsPause(c)", Rule::IsQuiet, "ItsSourceIsDownAndItWasToFollowIt",
       with(running_by_position(spec_of("a b c").follows("c", "b")), [](Cluster& c) { c["b"].silent(3); })},
      {"GtidModeDiffers(b)", Rule::Matches, "SomebodySwitchedGtidsOff",
       with(async(), [](Cluster& c) { c["b"].now().gtid_mode = GtidMode::OnPermissive; })},
      {"GtidModeDiffers(b)", Rule::Matches, "SomebodySwitchedGtidsOn",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].now().gtid_mode = GtidMode::On; })},
      {"GtidModeDiffers(b)", Rule::IsQuiet, "ItIsOnItsWay",
       with(running_by_position(spec_of("a b c")),
            [](Cluster& c) { c["b"].now().gtid_mode = GtidMode::OffPermissive; })},
      {"NotAutoPositioned(b)", Rule::Matches, "AChangeToGtidsDidNotReachIt",
       with(async(), [](Cluster& c) { c["b"].channel().auto_position = false; })},
      {"NotAutoPositioned(b)", Rule::IsQuiet, "TheTopologyIsWithoutGtids",
       with(running_by_position(spec_of("a b c")), [](Cluster& c) { c["b"].channel().auto_position = false; })},
      {"NotAutoPositioned(b)", Rule::IsQuiet, "ThePrimaryDoesNotAnswer",
       with(async(), [](Cluster& c) { c["b"].channel().auto_position = false, c["a"].silent(1); })},

      {"LeftDetached(b)", Rule::Matches, "PointedAwayAndThePrimaryIsGone",
       with(async(), [](Cluster& c) { c["b"].detached(), c.kill("a"); })},
      {"LeftDetached(b)", Rule::IsQuiet, "ThePrimaryAnswers", with(async(), [](Cluster& c) { c["b"].detached(); })},
      {"LeftDetached(b)", Rule::IsQuiet, "ItNeverHadAChannel",
       with(async(), [](Cluster& c) { c["b"].no_channel(), c.kill("a"); })},
      {"LeftDetached(b)", Rule::IsQuiet, "ItHasItsOwn",
       with(async(), [](Cluster& c) { c["b"].detached().errant("B:1"), c.kill("a"); })},

      {"LeftDetached(b)", Rule::IsQuiet, "ItIsInQuarantine",
       with(async(), [](Cluster& c) { c["b"].detached().quarantined().not_compared(), c.kill("a"); })},

      {"WrongSource(c)", Rule::Matches, "ItFollowsASibling", with(async(), [](Cluster& c) { c["c"].follow("b"); })},
      {"WrongSource(c)", Rule::Matches, "ItShouldFollowASibling",
       with(running(spec_of("a b c").follows("c", "b")), [](Cluster& c) { c["c"].follow("a"); })},
      {"WrongSource(c)", Rule::IsQuiet, "ItIsChainedAsDeclared",
       [] { return running(spec_of("a b c").follows("c", "b")); }},
      {"WrongSource(c)", Rule::Matches, "ItFollowsANodeWithTransactionsOfItsOwn",
       with(running(spec_of("a b c").follows("c", "b")), [](Cluster& c) { c["b"].executed("A:1-100,B:1").errant("B:1"); })},
      {"WrongSource(c)", Rule::IsQuiet, "WhatItShouldFollowIsInQuarantine",
       with(running(spec_of("a b c").follows("c", "b")), [](Cluster& c) { c["c"].follow("a"), c["b"].quarantined(); })},
      {"WrongSource(c)", Rule::IsQuiet, "WhatItShouldFollowIsDown",
       with(running(spec_of("a b c").follows("c", "b")), [](Cluster& c) { c["c"].follow("a"), c["b"].refused(); })},
      {"WrongSource(c)", Rule::IsQuiet, "ThePrimaryIsGone",
       with(async(), [](Cluster& c) { c["c"].follow("b"), c.kill("a"); })},
      {"WrongSource(c)", Rule::IsQuiet, "ItHasItsOwn",
       with(async(), [](Cluster& c) { c["c"].follow("b").errant("C:1"); })},

      {"ForeignSource(b)", Rule::Matches, "ItReplicatesFromAStranger",
       with(async(), [](Cluster& c) { c["b"].follow_stranger(); })},
      {"ForeignSource(a)", Rule::Matches, "ThePrimaryReplicatesFromAStranger",
       with(async(), [](Cluster& c) { c["a"].follow_stranger(); })},
      {"ForeignSource(b)", Rule::IsQuiet, "ItIsPointedAway", with(async(), [](Cluster& c) { c["b"].detached(); })},
      {"ForeignSource(b)", Rule::IsQuiet, "Attached", async},

      {"ApplierFailed(b)", Rule::Matches, "StoppedAtAnError",
       with(async(), [](Cluster& c) { c["b"].applier_stopped(1062); })},
      {"ApplierFailed(b)", Rule::IsQuiet, "StoppedByHand", with(async(), [](Cluster& c) { c["b"].applier_stopped(); })},
      {"ApplierFailed(b)", Rule::IsQuiet, "Running", async},

      {"ReplicationStopped(b)", Rule::Matches, "TheReceiverWasStopped",
       with(async(), [](Cluster& c) { c["b"].receiver_stopped(); })},
      {"ReplicationStopped(b)", Rule::Matches, "TheApplierWasStopped",
       with(async(), [](Cluster& c) { c["b"].applier_stopped(); })},
      {"ReplicationStopped(b)", Rule::IsQuiet, "TheApplierFailed",
       with(async(), [](Cluster& c) { c["b"].applier_stopped(1032); })},
      {"ReplicationStopped(b)", Rule::Matches, "TheReceiverWasStoppedAfterAConnectionError",
       with(async(), [](Cluster& c) { c["b"].receiver_stopped(2003); })},
      {"ReceiverFailing(b)", Rule::IsQuiet, "ItWasStoppedAfterAConnectionError",
       with(async(), [](Cluster& c) { c["b"].receiver_stopped(2003); })},
      {"ReplicationStopped(b)", Rule::Matches, "TheReceiverMissedThatSemiSyncWentOff",
       with(async(),
            [](Cluster& c) {
              c["b"].receiver_stopped(13117);
              c["b"].now().channels.front().receiver_error = "Fatal error: Failed to run 'after_read_event' hook";
            })},
      {"ReplicationStopped(b)", Rule::IsQuiet, "TheReceiverFailed",
       with(async(), [](Cluster& c) { c["b"].receiver_stopped(1236); })},
      {"ReplicationStopped(b)", Rule::IsQuiet, "ThePrimaryIsGone",
       with(async(), [](Cluster& c) { c.kill("a"), c["b"].receiver_stopped(); })},
      {"ReplicationStopped(b)", Rule::IsQuiet, "ItReconnects",
       with(async(), [](Cluster& c) { c["b"].lost_source(0); })},

      {"ReceiverFailing(b)", Rule::Matches, "TheBinaryLogsWerePurged",
       with(async(), [](Cluster& c) { c["b"].receiver_stopped(1236); })},
      {"ReceiverFailing(b)", Rule::Matches, "TheReplicationAccountIsRefused",
       with(async(), [](Cluster& c) { c["b"].lost_source(1045); })},
      {"ReceiverFailing(b)", Rule::IsQuiet, "AnErrorOfThePast",
       with(async(), [](Cluster& c) { c["b"].channel().receiver_errno = 2003; })},
      {"ReceiverFailing(b)", Rule::IsQuiet, "ThePrimaryIsGone", with(async(), [](Cluster& c) { c.kill("a"); })},

      {"SemiSyncReplicaOff(b)", Rule::Matches, "ItAttachedWithoutAfterARestart",
       with(semi(), [](Cluster& c) { c["b"].now().semi_sync.replica_status = false; })},
      {"SemiSyncReplicaOff(b)", Rule::Matches, "ItDoesNotAcknowledge",
       with(semi(), [](Cluster& c) { c["b"].no_acker(); })},
      {"SemiSyncReplicaOff(b)", Rule::IsQuiet, "DeclaredAsync", async},
      {"SemiSyncReplicaOff(c)", Rule::IsQuiet, "ADelayedNodeIsNoAcker",
       [] { return running(spec_of("a b c").acks(1).delayed("c", 1h)); }},
      {"SemiSyncReplicaOff(c)", Rule::IsQuiet, "AChainedNodeIsNoAcker",
       with(running(spec_of("a b c").acks(1).follows("c", "b")), [](Cluster& c) { c["c"].no_acker(); })},
      {"SemiSyncReplicaOff(b)", Rule::IsQuiet, "ItHasNoPlugin",
       with(semi(), [](Cluster& c) { c["b"].no_acker().now().semi_sync.replica_plugin = false; })},

      {"SemiSyncReplicaOn(b)", Rule::Matches, "ItWasAwayWhenCommitsCeasedToWait",
       with(async(), [](Cluster& c) { c["b"].now().semi_sync.replica_enabled = true; })},
      {"SemiSyncReplicaOn(c)", Rule::Matches, "ItIsDelayedByNow",
       with(running(spec_of("a b c").acks(1).delayed("c", 1h)),
            [](Cluster& c) { c["c"].now().semi_sync.replica_enabled = true; })},
      {"SemiSyncReplicaOn(b)", Rule::IsQuiet, "ItShouldAcknowledge", [] { return semi(); }},
      {"SemiSyncReplicaOn(c)", Rule::IsQuiet, "BelowAnotherReplicaItIsReadyFor",
       [] { return running(spec_of("a b c").acks(1).follows("c", "b")); }},

      {"SettingDeviates(b)", Rule::Matches, "SomebodySetItOtherwise",
       [] {
         auto c = running(spec_of("a b c").setting("max_connections", "300"));
         c["b"].inventory().variables["max_connections"] = "151";
         return c;
       }},
      {"SettingDeviates(b)", Rule::IsQuiet, "ItIsTheSameInOtherWords",
       [] {
         auto c = running(spec_of("a b c").setting("event_scheduler", "1"));
         c["b"].inventory().variables["event_scheduler"] = "ON";
         return c;
       }},
      {"SettingDeviates(b)", Rule::IsQuiet, "NobodyLookedThoroughly",
       [] { return running(spec_of("a b c").setting("max_connections", "300")); }},
      {"SettingDeviates(b)", Rule::IsQuiet, "OnlyAStartCouldMend",
       [] {
         auto c = running(spec_of("a b c").setting("report_host", "here"));
         c["b"].inventory().variables["report_host"] = "";
         c["b"].inventory().fixed_until_restart = {"report_host"};
         return c;
       }},
      {"SettingDeviates(b)", Rule::Matches, "AReplicaWouldGoOnAloneOncePromoted",
       with(inventoried(semi()), [](Cluster& c) { c["b"].variable("rpl_semi_sync_source_timeout", "1000"); })},
      {"SettingDeviates(b)", Rule::Matches, "TheGroupIsLessConsistent",
       with(inventoried(group()), [](Cluster& c) { c["b"].variable("group_replication_consistency", "EVENTUAL"); })},
      {"SettingDeviates(b)", Rule::Matches, "AMemberCountsItsKeysOtherwise",
       with(inventoried(multi_group()), [](Cluster& c) { c["b"].variable("auto_increment_offset", "1"); })},
      {"SettingDeviates(b)", Rule::Matches, "PasswordsMayBeShort",
       [] {
         auto spec = spec_of("a b c");
         spec.password_policy.min_length = 12;
         auto c = inventoried(running(spec));
         c["b"].variable("validate_password.length", "4");
         return c;
       }},
      {"SettingDeviates(b)", Rule::IsQuiet, "TheFailoverLoweredTheAcks",
       with(inventoried(semi(2)), [](Cluster& c) { c["b"].variable("rpl_semi_sync_source_wait_for_replica_count", "1"); })},
      {"SettingDeviates(b)", Rule::IsQuiet, "ItIsOfTheBase",
       with(inventoried(async()), [](Cluster& c) { c["b"].variable("sync_binlog", "0"); })},
      {"SettingDeviates(a)", Rule::IsQuiet, "ItIsMoreThanADeviation",
       with(inventoried(semi()),
            [](Cluster& c) {
              c["a"].variable("rpl_semi_sync_source_timeout", "1000");
              c["a"].now().semi_sync.timeout = 1s;
            })},
      {"SettingDeviates(b)", Rule::IsQuiet, "AnAdoptedGroupFindsItsMembersOtherwise",
       with(observed(inventoried(group())), [](Cluster& c) { c["b"].variable("group_replication_group_seeds", "x:1"); })},
      {"SettingDeviates(b)", Rule::Matches, "AnAdoptedGroupIsLessConsistentThanItsFileSays",
       with(observed(inventoried(group())),
            [](Cluster& c) { c["b"].variable("group_replication_consistency", "EVENTUAL"); })},
      {"SkipsErrors(b)", Rule::Matches, "NobodyAskedForIt",
       with(inventoried(async()), [](Cluster& c) { c["b"].variable("replica_skip_errors", "1062"); })},
      {"SkipsErrors(b)", Rule::IsQuiet, "TheFileNamesThem",
       [] {
         auto c = inventoried(running(spec_of("a b c").skip_errors("b", {1062})));
         c["b"].variable("replica_skip_errors", "1062");
         return c;
       }},
      {"SkipsErrors(b)", Rule::IsQuiet, "ItSkipsNone", [] { return inventoried(async()); }},
      {"SettingNeedsRestart(b)", Rule::Matches, "OnlyAStartMakesItOtherwise",
       [] {
         auto c = running(spec_of("a b c").setting("report_host", "here"));
         c["b"].inventory().variables["report_host"] = "";
         c["b"].inventory().fixed_until_restart = {"report_host"};
         return c;
       }},
      {"SettingNeedsRestart(b)", Rule::IsQuiet, "ItCanBeSetAtAnyTime",
       [] {
         auto c = running(spec_of("a b c").setting("max_connections", "300"));
         c["b"].inventory().variables["max_connections"] = "151";
         return c;
       }},
      {"AccountsDeviate(a)", Rule::Matches, "AnAccountLostGrantsOnThePrimary",
       with(async(), [](Cluster& c) { deviates(c["a"], AccountFault::Grants); })},
      {"AccountsDeviate(a)", Rule::Matches, "AnAccountWasDropped",
       with(async(), [](Cluster& c) { c["a"].inventory().accounts = {AccountRole::Admin}; })},
      {"AccountsDeviate(a)", Rule::IsQuiet, "NobodyLookedThoroughly", [] { return async(); }},
      {"AccountsDeviate(a)", Rule::IsQuiet, "AllIsAsDeclared", with(async(), [](Cluster& c) { as_declared(c["a"]); })},
      {"AccountsDeviate(b)", Rule::IsQuiet, "AReplicaIsNotWrittenTo",
       with(async(), [](Cluster& c) { deviates(c["b"], AccountFault::Grants); })},

      {"ReplicaAccountsDeviate(b)", Rule::Matches, "ItWasChangedThereAlone",
       with(async(),
            [](Cluster& c) {
              as_declared(c["a"]);
              deviates(c["b"], AccountFault::Password);
            })},
      {"ReplicaAccountsDeviate(b)", Rule::IsQuiet, "ThePrimaryDeviatesAsWell",
       with(async(),
            [](Cluster& c) {
              deviates(c["a"], AccountFault::Password);
              deviates(c["b"], AccountFault::Password);
            })},
      {"ReplicaAccountsDeviate(c)", Rule::IsQuiet, "ADelayedNodeGetsItLater",
       with(running(spec_of("a b c").delayed("c", 1h)),
            [](Cluster& c) {
              as_declared(c["a"]);
              deviates(c["c"], AccountFault::Missing);
            })},

      {"AdminAtRisk(a)", Rule::Matches, "ItsPasswordHasALifetime",
       with(async(),
            [](Cluster& c) {
              as_declared(c["a"]);
              c["a"].inventory().accounts.erase(AccountRole::Admin);
              c["a"].inventory().account_faults[AccountRole::Admin] = {AccountFault::Policy};
            })},
      {"AdminAtRisk(a)", Rule::IsQuiet, "ItLastsForEver", with(async(), [](Cluster& c) { as_declared(c["a"]); })},
      {"AdminAtRisk(a)", Rule::IsQuiet, "NobodyLookedThoroughly", [] { return async(); }},

      {"ReceiverOutdated(b)", Rule::Matches, "ItStillHasTheFormerPassword",
       with(async(),
            [](Cluster& c) {
              as_declared(c["a"]);
              c["b"].inventory().receiver_as_declared = false;
            })},
      {"ReceiverOutdated(b)", Rule::IsQuiet, "TheSourceDoesNotTakeTheNewOneYet",
       with(async(),
            [](Cluster& c) {
              deviates(c["a"], AccountFault::Password);
              c["b"].inventory().receiver_as_declared = false;
            })},
      {"ReceiverOutdated(b)", Rule::IsQuiet, "ItLogsInAsDeclared",
       with(async(),
            [](Cluster& c) {
              as_declared(c["a"]);
              c["b"].inventory().receiver_as_declared = true;
            })},

      {"UnsafeAcker(b)", Rule::Matches, "RelayLogRecoveryIsOn",
       with(semi(), [](Cluster& c) { c["b"].now().relay_log_recovery = true; })},
      {"UnsafeAcker(b)", Rule::IsQuiet, "DeclaredAsync",
       with(async(), [](Cluster& c) { c["b"].now().relay_log_recovery = true; })},
      {"UnsafeAcker(b)", Rule::IsQuiet, "RelayLogRecoveryIsOff", [] { return semi(); }},

      {"ReplicaLagging(b)", Rule::Matches, "FurtherBehindThanTheAlarm",
       with(async(), [](Cluster& c) { c["b"].lag(11s); })},
      {"ReplicaLagging(b)", Rule::IsQuiet, "JustAtTheAlarm", with(async(), [](Cluster& c) { c["b"].lag(10s); })},
      {"ReplicaLagging(c)", Rule::IsQuiet, "DelayedByDesign",
       with(running(spec_of("a b c").delayed("c", 24h)), [](Cluster& c) { c["c"].lag(24h); })},
      {"ReplicaLagging(b)", Rule::IsQuiet, "LagIsUnknown",
       with(async(), [](Cluster& c) { c["b"].channel().lag.reset(); })},

      {"LeftOffline(b)", Rule::Matches, "ItWasFencedAndFollowsAgain",
       with(async(), [](Cluster& c) { c["b"].offline().closed_by_repld(); })},
      {"LeftOffline(b)", Rule::IsQuiet, "SomebodyElseTurnedTheClientsAway",
       with(async(), [](Cluster& c) { c["b"].offline(); })},
      {"LeftOffline(b)", Rule::IsQuiet, "ItIsNotAttachedYet",
       with(async(), [](Cluster& c) { c["b"].offline().closed_by_repld().no_channel(); })},
      {"LeftOffline(b)", Rule::IsQuiet, "ItHasItsOwn",
       with(async(), [](Cluster& c) { c["b"].offline().closed_by_repld().errant("B:1"); })},
      {"NodeOffline(b)", Rule::IsQuiet, "RepldTurnedTheClientsAway",
       with(async(), [](Cluster& c) { c["b"].offline().closed_by_repld(); })},

      {"NodeOffline(b)", Rule::Matches, "ClientsAreTurnedAway", with(async(), [](Cluster& c) { c["b"].offline(); })},
      {"NodeOffline(a)", Rule::Matches, "ThePrimaryTurnsClientsAway",
       with(async(), [](Cluster& c) { c["a"].offline(); })},
      {"NodeOffline(b)", Rule::IsQuiet, "ItIsInQuarantine",
       with(async(), [](Cluster& c) { c["b"].offline().errant("B:1"); })},
      {"NodeOffline(b)", Rule::IsQuiet, "ClientsAreLetIn", async},

      // ---- rings
      {"OwnTransactionsLost(b)", Rule::Matches, "OthersHaveWhatItWrote",
       with(ring(), [](Cluster& c) { c["a"].executed("A:1-100,B:1-9"), c["b"].taken_later(1s); })},
      {"OwnTransactionsLost(b)", Rule::IsQuiet, "OthersHaveWhatAnotherWrote",
       with(ring(), [](Cluster& c) { c["a"].executed("A:1-100,C:1-9"); })},
      {"OwnTransactionsLost(b)", Rule::IsQuiet, "OthersWereReadALittleLater",
       with(ring(),
            [](Cluster& c) {
              c["a"].executed("A:1-100,B:1-9").taken_later(1ms);
              c["c"].taken_later(1ms);
            })},
      {"OwnTransactionsLost(b)", Rule::IsQuiet, "ItsCommitsStillWait",
       with(ring(), [](Cluster& c) { c["c"].executed("A:1-100,B:1"), c["b"].commits_waiting(1); })},
      {"WriterClosed(b)", Rule::Matches, "ItCameBackReadOnly",
       with(ring(), [](Cluster& c) { c["b"].read_only(ReadOnly::Super); })},
      {"WriterClosed(b)", Rule::IsQuiet, "ItTakesWrites", ring},
      {"WriterClosed(b)", Rule::IsQuiet, "ItLacksItsOwn",
       with(ring(),
            [](Cluster& c) {
              c["b"].read_only(ReadOnly::Super).taken_later(1s);
              c["a"].executed("A:1-100,B:1-9");
            })},
      {"WriterClosed(b)", Rule::IsQuiet, "ItIsAReplica", async},
      {"RingBroken(b)", Rule::Matches, "ItFollowsNobody", with(ring(), [](Cluster& c) { c["b"].no_channel(); })},
      {"RingBroken(b)", Rule::Matches, "ItIsPointedAway", with(ring(), [](Cluster& c) { c["b"].detached(); })},
      {"RingBroken(b)", Rule::IsQuiet, "ItsSourceDoesNotAnswer",
       with(ring(), [](Cluster& c) { c["b"].no_channel(), c["a"].refused(); })},
      {"RingBroken(b)", Rule::IsQuiet, "ItsSourceHasPurgedWhatItNeeds",
       with(ring(), [](Cluster& c) { c["b"].executed("A:1-90").no_channel(), c["a"].purged("A:1-95"); })},
      {"WriterSemiSyncOff(b)", Rule::Matches, "ItWouldAcknowledgeAlone",
       with(semi_ring(), [](Cluster& c) { c["b"].semi_sync_source_off(); })},
      {"WriterSemiSyncOff(b)", Rule::IsQuiet, "CommitsDoNotWait", ring},
      {"WriterSemiSyncOff(b)", Rule::IsQuiet, "ItIsClosed",
       with(semi_ring(), [](Cluster& c) { c["b"].semi_sync_source_off().read_only(ReadOnly::Super); })},
      {"CommitsMayGoAlone(a)", Rule::Matches, "ItWaitsForASecondOnly",
       with(semi(), [](Cluster& c) { c["a"].now().semi_sync.timeout = 1s; })},
      {"CommitsMayGoAlone(a)", Rule::Matches, "ItDoesNotWaitWhenNobodyIsThere",
       with(semi(), [](Cluster& c) { c["a"].now().semi_sync.wait_no_replica = false; })},
      {"CommitsMayGoAlone(a)", Rule::Matches, "OthersSeeItBeforeReplicasHaveIt",
       with(running(spec_of("a b c").sync_all()), [](Cluster& c) { c["a"].now().semi_sync.after_sync = false; })},
      {"CommitsMayGoAlone(b)", Rule::Matches, "ANodeOfTheRingWaitsForASecondOnly",
       with(semi_ring(), [](Cluster& c) { c["b"].now().semi_sync.timeout = 1s; })},
      {"CommitsMayGoAlone(a)", Rule::IsQuiet, "ItIsDeclaredToGoOnAlone",
       with(running(spec_of("a b c").acks(1).degrading()), [](Cluster& c) { c["a"].now().semi_sync.timeout = 10s; })},
      {"CommitsMayGoAlone(a)", Rule::IsQuiet, "TheFailoverLoweredTheAcks",
       with(semi(2), [](Cluster& c) { c["a"].waits_for(1), c["b"].refused(); })},
      {"CommitsMayGoAlone(a)", Rule::IsQuiet, "TwoDaysAreForEver",
       with(semi(), [](Cluster& c) { c["a"].now().semi_sync.timeout = 48h; })},
      {"CommitsMayGoAlone(a)", Rule::IsQuiet, "SemiSyncIsOffWhichIsWorse",
       with(semi(), [](Cluster& c) { c["a"].semi_sync_source_off().now().semi_sync.timeout = 1s; })},
      {"CommitsMayGoAlone(a)", Rule::IsQuiet, "ItIsClosed",
       with(semi(), [](Cluster& c) { c["a"].read_only(ReadOnly::Super).now().semi_sync.timeout = 1s; })},
      {"CommitsMayGoAlone(b)", Rule::IsQuiet, "ItTakesNoWrites",
       with(semi(), [](Cluster& c) { c["b"].now().semi_sync.timeout = 1s; })},
      {"CommitsMayGoAlone(a)", Rule::IsQuiet, "DeclaredAsync",
       with(async(), [](Cluster& c) { c["a"].waits_for(1).now().semi_sync.timeout = 1s; })},
      {"KeysMayCollide(b)", Rule::Matches, "ItCountsOneByOne",
       with(inventoried(ring()), [](Cluster& c) { c["b"].variable("auto_increment_increment", "1"); })},
      {"KeysMayCollide(b)", Rule::Matches, "ItHasThePlaceOfAnother",
       with(inventoried(ring()), [](Cluster& c) { c["b"].variable("auto_increment_offset", "1"); })},
      {"KeysMayCollide(b)", Rule::IsQuiet, "AsItsPlaceSays", [] { return inventoried(ring()); }},
      {"KeysMayCollide(b)", Rule::IsQuiet, "NobodyLookedThoroughly", ring},
      {"KeysMayCollide(b)", Rule::IsQuiet, "OnlyOneNodeWrites",
       with(inventoried(async()), [](Cluster& c) { c["b"].variable("auto_increment_increment", "7"); })},
      {"KeysMayCollide(b)", Rule::IsQuiet, "TheRingIsOnlyLookedAt",
       with(observed(inventoried(ring())), [](Cluster& c) { c["b"].variable("auto_increment_increment", "10"); })},
      {"SettingDeviates(b)", Rule::IsQuiet, "KeysOfARingHaveARuleOfTheirOwn",
       with(inventoried(ring()), [](Cluster& c) { c["b"].variable("auto_increment_increment", "1"); })},
      {"CommitsStuck(a)", Rule::Matches, "NothingIsCommittedThoughAReplicaIsThere",
       with(semi_ring(), [](Cluster& c) { c["a"].commits_waiting(1).had_earlier("A:1-100"); })},
      {"CommitsStuck(a)", Rule::IsQuiet, "CommitsPass",
       with(semi_ring(), [](Cluster& c) { c["a"].commits_waiting(1).had_earlier("A:1-99"); })},
      {"CommitsStuck(a)", Rule::IsQuiet, "NobodyIsThereToAcknowledge",
       with(semi_ring(), [](Cluster& c) { c["a"].commits_waiting(1).had_earlier("A:1-100").now().semi_sync.clients = 0; })},
      {"WriterCommitsHang(a)", Rule::Matches, "NobodyAcknowledges",
       with(semi_ring(), [](Cluster& c) { c["a"].commits_waiting(2), c["a"].now().semi_sync.clients = 0; })},
      {"WriterCommitsHang(a)", Rule::IsQuiet, "TheNextNodeIsThere",
       with(semi_ring(), [](Cluster& c) { c["a"].commits_waiting(2); })},

      // ---- groups
      {"GroupWithoutMajority", Rule::Matches, "OneOfThreeIsLeft",
       with(group(),
            [](Cluster& c) {
              c["b"].refused();
              c["c"].refused();
              c["a"].misses_member("b").misses_member("c");
            })},
      {"GroupWithoutMajority", Rule::IsQuiet, "TwoOfThreeAreLeft",
       with(group(), [](Cluster& c) { c["b"].refused(), c["a"].misses_member("b"), c["c"].misses_member("b"); })},
      {"TwoGroups", Rule::Matches, "TheirViewsDoNotKnowEachOther",
       with(group(),
            [](Cluster& c) {
              c["b"].out_of_the_group(MemberState::Online);
              for (const auto* name : {"a", "c"}) {
                std::erase_if(c[name].now().group.members, [](const auto& m) { return m.server_uuid == uuid('B'); });
              }
            })},
      {"TwoGroups", Rule::IsQuiet, "OneViewIsShared", group},
      {"TwoGroups", Rule::IsQuiet, "AnExpelledMemberHasNotNoticed",
       with(group(),
            [](Cluster& c) {
              for (const auto* name : {"a", "c"}) {
                std::erase_if(c[name].now().group.members, [](const auto& m) { return m.server_uuid == uuid('B'); });
              }
            })},
      {"GroupIsMultiPrimary", Rule::Matches, "SomebodyOpenedAllMembers",
       with(group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.elected(true, false);
            })},
      {"GroupIsMultiPrimary", Rule::IsQuiet, "OnePrimary", group},
      {"GroupIsMultiPrimary", Rule::IsQuiet, "DeclaredSo", multi_group},
      {"GroupIsMultiPrimary", Rule::IsQuiet, "ItIsNoMemberAndKnowsTheOldMode",
       with(group(), [](Cluster& c) { c["b"].out_of_the_group().now().group.single_primary = false; })},
      {"GroupIsSinglePrimary(b)", Rule::Matches, "SomebodyClosedAllOthers",
       with(multi_group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.elected(name == "b", true);
            })},
      {"GroupIsSinglePrimary(a)", Rule::IsQuiet, "AnotherIsThePrimary",
       with(multi_group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.elected(name == "b", true);
            })},
      {"GroupIsSinglePrimary(a)", Rule::IsQuiet, "DeclaredSo", group},
      {"SecondaryTakesWrites(b)", Rule::Matches, "SomebodyOpenedIt",
       with(group(), [](Cluster& c) { c["b"].writable(); })},
      {"SecondaryTakesWrites(b)", Rule::IsQuiet, "ItIsClosed", group},
      {"SecondaryTakesWrites(a)", Rule::IsQuiet, "ItIsThePrimary", group},
      {"SecondaryTakesWrites(b)", Rule::IsQuiet, "AllMembersAreOpen",
       with(group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.elected(true, false);
            })},
      {"SecondaryTakesWrites(b)", Rule::IsQuiet, "ItWasElectedMeanwhile",
       with(group(), [](Cluster& c) { c["a"].elected(false, true), c["b"].elected(true, true); })},
      {"GroupDown", Rule::Matches, "AllCameBackFromAnOutage",
       with(group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.out_of_the_group();
            })},
      {"GroupDown", Rule::IsQuiet, "OneIsRecovering",
       with(group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.out_of_the_group();
              c["a"].out_of_the_group(MemberState::Recovering);
            })},
      {"GroupDown", Rule::IsQuiet, "NothingAnswers",
       with(group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.refused();
            })},
      {"HookFailed", Rule::Matches, "OneIsRemembered",
       with(async(), [](Cluster& c) { c.office.failed_hooks = {"postFailover hook announce ended with exit code 3"}; })},
      {"HookFailed", Rule::IsQuiet, "NoneIs", async},
      {"MemberOut(b)", Rule::Matches, "ItWasRestarted", with(group(), [](Cluster& c) { c["b"].out_of_the_group(); })},
      {"MemberOut(b)", Rule::Matches, "ItWasExpelled",
       with(group(), [](Cluster& c) { c["b"].out_of_the_group(MemberState::Error); })},
      {"MemberOut(b)", Rule::IsQuiet, "NoGroupIsThereToJoin",
       with(group(),
            [](Cluster& c) {
              for (auto& [name, n] : c.nodes) n.out_of_the_group();
            })},
      {"MemberOut(b)", Rule::IsQuiet, "ItHasItsOwn",
       with(group(), [](Cluster& c) { c["b"].out_of_the_group().errant("B:1"); })},
      {"MemberRecovering(b)", Rule::Matches, "ItFetchesWhatItLacks",
       with(group(), [](Cluster& c) { c["b"].member(MemberState::Recovering); })},
      {"MemberRecovering(b)", Rule::IsQuiet, "ItIsOnline", group},
      {"MemberLeftOffline(b)", Rule::Matches, "ClientsAreStillTurnedAway",
       with(group(), [](Cluster& c) { c["b"].offline(); })},
      {"MemberLeftOffline(b)", Rule::IsQuiet, "ItIsNoMemberYet",
       with(group(), [](Cluster& c) { c["b"].out_of_the_group().offline(); })},
      {"DeadPrimary", Rule::IsQuiet, "TheGroupElectsAnother", with(group(), [](Cluster& c) { c["a"].refused(); })},
      {"NodeUnreachable(a)", Rule::Matches, "TheGroupsPrimaryIsDown",
       with(group(), [](Cluster& c) { c["a"].refused(); })},

      {"AccessDenied(b)", Rule::Matches, "OurAccountIsRefused",
       with(async(), [](Cluster& c) { c["b"].access_denied(); })},
      {"AccessDenied(a)", Rule::Matches, "ThePrimaryRefusesOurAccount",
       with(async(), [](Cluster& c) { c["a"].access_denied(); })},
      {"AccessDenied(b)", Rule::IsQuiet, "ItDoesNotAnswer", with(async(), [](Cluster& c) { c["b"].silent(3); })},

      {"NodeOverloaded(b)", Rule::Matches, "TooManyConnections",
       with(async(), [](Cluster& c) { c["b"].too_many_connections(); })},
      {"NodeOverloaded(a)", Rule::Matches, "APartialAnswerOfThePrimary",
       with(async(), [](Cluster& c) { c["a"].partial_answer(); })},
      {"NodeOverloaded(b)", Rule::IsQuiet, "ItDoesNotAnswer", with(async(), [](Cluster& c) { c["b"].refused(); })},

      {"NodeUnreachable(b)", Rule::Matches, "Refused", with(async(), [](Cluster& c) { c["b"].refused(); })},
      {"NodeUnreachable(b)", Rule::Matches, "Silent", with(async(), [](Cluster& c) { c["b"].silent(1); })},
      {"NodeUnreachable(b)", Rule::IsQuiet, "NotLookedAtYet",
       with(async(), [](Cluster& c) { c["b"].never_looked_at(); })},
      {"NodeUnreachable(b)", Rule::IsQuiet, "AnErrorPacketCame",
       with(async(), [](Cluster& c) { c["b"].too_many_connections(); })},
      {"NodeUnreachable(a)", Rule::IsQuiet, "ItIsThePrimary", with(async(), [](Cluster& c) { c.kill("a"); })},
  };
  return kRows;
}

std::string rule_of(const RuleRow& row) {
  const std::string text{row.problem};
  return text.substr(0, text.find('('));
}

class EveryRule : public testing::TestWithParam<RuleRow> {};

TEST(Rules, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const auto& rule : diagnose::cluster_rules()) EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
  for (const auto& rule : diagnose::node_rules()) EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
}

TEST_P(EveryRule, MatchesWhenItShould) {
  const auto& row = GetParam();
  const auto cluster = row.cluster();
  EXPECT_EQ(finds(cluster, row.problem), row.expected == Rule::Matches) << [&] {
    std::string all = "found:";
    for (const auto& name : found_in(cluster)) all += " " + name;
    return all;
  }();
}

std::string name_of_case(const testing::TestParamInfo<RuleRow>& info) {
  return fmt::format("{:03}_{}_{}_{}", info.index, rule_of(info.param),
                     info.param.expected == Rule::Matches ? "when" : "notWhen", info.param.when);
}
INSTANTIATE_TEST_SUITE_P(Rows, EveryRule, testing::ValuesIn(rows()), name_of_case);

TEST(Rules, AllHaveASituationInWhichTheyMatchAndOneInWhichTheyDoNot) {
  std::set<std::string> matching, quiet;
  for (const auto& row : rows()) (row.expected == Rule::Matches ? matching : quiet).insert(rule_of(row));
  const auto check = [&](std::string_view rule) {
    EXPECT_TRUE(matching.contains(std::string{rule})) << rule << " is never seen to match";
    EXPECT_TRUE(quiet.contains(std::string{rule})) << rule << " is never seen to be quiet";
  };
  for (const auto& rule : diagnose::cluster_rules()) check(rule.name);
  for (const auto& rule : diagnose::node_rules()) check(rule.name);
  EXPECT_EQ(matching.size(), diagnose::cluster_rules().size() + diagnose::node_rules().size());
}

TEST(Rules, FindNothingInAHealthyCluster) {
  for (const auto& spec :
       {spec_of("a"), spec_of("a b"), spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c").acks(2),
        spec_of("a b c d").sync_all(), spec_of("a b c d").acks(1).delayed("d", 1h),
        spec_of("a b c d").follows("d", "b"), spec_of("a b c d e").acks(1).follows("d", "b").follows("e", "d")}) {
    EXPECT_EQ(found_in(running(spec)), std::vector<std::string>{});
    if (spec.nodes.size() > 1) {
      EXPECT_EQ(found_in(running(spec, "b")), std::vector<std::string>{});
    }
  }
}

TEST(Rules, FindNothingInAHealthyClusterWithoutGtids) {
  for (const auto& spec : {spec_of("a b c"), spec_of("a b c").acks(1), spec_of("a b c d").follows("d", "b"),
                           spec_of("a b c d").acks(1).delayed("d", 1h)}) {
    EXPECT_EQ(found_in(running_by_position(spec)), std::vector<std::string>{});
    EXPECT_EQ(found_in(running_by_position(spec, "b")), std::vector<std::string>{});
  }
}

TEST(Rules, FindNothingInAHealthyRingOrGroup) {
  for (const auto& c : {ring(), semi_ring(), group(), running(spec_of("a b").ring()),
                        running(spec_of("a b c").group(TopologyType::GroupMultiPrimary))}) {
    EXPECT_EQ(found_in(c), std::vector<std::string>{});
  }
}

TEST(Rules, FindNothingWhereAllVariablesAreAsDeclared) {
  auto tuned = spec_of("a b c").acks(2).setting("max_connections", "300").skip_errors("b", {1396});
  tuned.password_policy.min_length = 12;
  for (const auto& spec : {spec_of("a b c"), tuned, spec_of("a b c").sync_all(), spec_of("a b c").acks(1).degrading(),
                           spec_of("a b c").ring(), spec_of("a b c").acks(1).ring(), spec_of("a b c").group(),
                           spec_of("a b c").group(TopologyType::GroupMultiPrimary)}) {
    EXPECT_EQ(found_in(inventoried(running(spec))), std::vector<std::string>{});
  }
}

TEST(Rules, FindNothingWhileNobodyIsInOffice) {
  auto c = async().kill("a");
  c.office = {};
  EXPECT_EQ(found_in(c), std::vector<std::string>{});
}

TEST(Rules, FindNothingBeforeThePrimaryWasLookedAt) {
  auto c = async();
  for (auto& [name, n] : c.nodes) n.never_looked_at();
  EXPECT_EQ(found_in(c), std::vector<std::string>{});
}

TEST(Rules, GiveTheFiguresSeenAsEvidence) {
  auto c = async().kill("a");
  c["c"].silent(1);
  const auto problems = diagnose::diagnose(c.spec, c.office, c.view());
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems[0].name, "DeadPrimary");
  EXPECT_EQ(problems[0].evidence, "a: 2003: connection refused; 1 of 2 other nodes reached, 1 lost it, 0 hear it");
}

TEST(Rules, PutTheLossOfThePrimaryFirst) {
  auto c = semi().kill("a");
  c["b"].not_persisted().read_only(ReadOnly::On);
  ASSERT_FALSE(goals_in(c).empty());
  EXPECT_EQ(goals_in(c).front(), Goal::FailOver);
}

TEST(Rules, SayHowLongAProblemMustLast) {
  auto spec = spec_of("a b c");
  spec.failover.detection.probe_interval = 700ms;
  spec.failover.blocked_after = 4s;
  EXPECT_EQ(diagnose::hold_of("DeadPrimary", spec), 0s);
  EXPECT_EQ(diagnose::hold_of("WrongSource", spec), 700ms);
  EXPECT_EQ(diagnose::hold_of("PrimaryNotHeard", spec), 4s);
  EXPECT_EQ(diagnose::hold_of("ReplicaLagging", spec), 10s);
  EXPECT_EQ(diagnose::hold_of("NoSuchRule", spec), 0s);
}

}  // namespace
}  // namespace repl::test
