// The simulated servers behave as measured on real ones: waiting commits, relay logs that are thrown away, errant
// transactions after a crash, read-only that waits. The same scenarios are run on real servers by the integration
// tests.
#include <gtest/gtest.h>

#include "sim/statements.hpp"
#include "sim/world.hpp"

namespace repl::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kIgnore = [](const auto&) {};

/// One source and replicas, semi-sync unless switched off.
class Model : public testing::Test {
 protected:
  Model() : world(7, 3) {
    for (const auto& s : world.servers) {
      s->start();
      s->install_plugin(Plugin::SemiSyncSource, kIgnore);
      s->install_plugin(Plugin::SemiSyncReplica, kIgnore);
      s->create_account(AccountRole::Replication, Logged::No, kIgnore);
      s->set_variable("rpl_semi_sync_source_timeout", "4294967295", kIgnore);
      s->set_variable("replica_net_timeout", "2", kIgnore);
      s->set_semi_sync_replica(true);
    }
  }

  void follow(Server& r, Server& source) {
    r.persist("super_read_only", "ON");
    r.set_read_only(ReadOnly::Super, 1s, 0, kIgnore);
    r.change_source({source.index(), {}}, kIgnore);
    r.start_applier(kIgnore);
    r.start_receiver(kIgnore);
  }
  void semi_sync_pair() {
    follow(b, a);
    follow(c, a);
    settle();
    a.set_semi_sync_source(true, 1);
  }
  void settle() { world.run_for(100ms); }

  struct Write {
    bool answered = false;
    std::optional<Error> error;
    Transaction transaction;
    bool acknowledged() const { return answered && !error; }
  };
  std::shared_ptr<Write> write(Server& s) {
    auto w = std::make_shared<Write>();
    s.write([w](std::optional<Error> e, Transaction t) { *w = {true, std::move(e), t}; });
    return w;
  }
  struct Done {
    bool replied = false;
    std::optional<Error> error;
    bool ok() const { return replied && !error; }
  };
  std::shared_ptr<Done> run_step(const Step& step) {
    auto done = std::make_shared<Done>();
    auto statements =
        std::make_shared<std::vector<Statement>>(statements_of(step, world, std::make_shared<StepNotes>()));
    run_statement(statements, 0, done);
    return done;
  }
  void run_statement(const std::shared_ptr<std::vector<Statement>>& all, std::size_t i,
                     const std::shared_ptr<Done>& done) {
    const auto& s = (*all)[i];
    const auto again = [=, this] { world.events.after(100ms, [=, this] { run_statement(all, i, done); }); };
    if (!world.server(s.server).up() && (*all)[i].awaits_restart) return again();
    s.execute(world.server(s.server), 1, [=, this](std::optional<Error> e) {
      if (e && (*all)[i].awaits_restart) return again();
      if (e || i + 1 == all->size()) {
        *done = {true, std::move(e)};
      } else {
        run_statement(all, i + 1, done);
      }
    });
  }
  void restart(Server& s) {
    s.crash();
    world.run_for(1s);
    s.start();
  }
  std::size_t in_relay_log(const Server& s) { return s.disk().relay_log.size(); }
  Snapshot look(const Server& s) { return s.look({s.id()}); }

  World world;
  Server& a = world.server(0);
  Server& b = world.server(1);
  Server& c = world.server(2);
};

TEST_F(Model, AsyncSourceAcknowledgesAlone) {
  const auto w = write(a);
  settle();
  EXPECT_TRUE(w->acknowledged());
  EXPECT_TRUE(a.has(w->transaction));
}

TEST_F(Model, ReplicasApplyWhatTheSourceCommits) {
  semi_sync_pair();
  const auto w = write(a);
  settle();
  EXPECT_TRUE(w->acknowledged());
  EXPECT_TRUE(b.has(w->transaction));
  EXPECT_TRUE(c.has(w->transaction));
}

TEST_F(Model, SemiSyncSourceNeverGoesOnAlone) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  world.run_for(30min);
  EXPECT_FALSE(w->answered);
  EXPECT_EQ(a.commits_waiting(), 1U);
  EXPECT_FALSE(look(a).executed.contains(look(b).executed) && a.has(w->transaction))
      << "executed only once acknowledged";
  b.start_receiver(kIgnore);
  settle();
  EXPECT_TRUE(w->acknowledged());
}

TEST_F(Model, WithAFiniteTimeoutItGoesOnAloneAndSaysSo) {
  semi_sync_pair();
  a.set_variable("rpl_semi_sync_source_timeout", "1000", kIgnore);
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  world.run_for(2s);
  EXPECT_TRUE(w->acknowledged());
  EXPECT_FALSE(look(a).semi_sync.source_status);
}

TEST_F(Model, TwoAcknowledgementsAreCountedFromTwoReplicas) {
  semi_sync_pair();
  a.set_semi_sync_source(true, 2);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  world.run_for(5s);
  EXPECT_FALSE(w->answered);
  c.start_receiver(kIgnore);
  settle();
  EXPECT_TRUE(w->acknowledged());
}

TEST_F(Model, ReplicaAcknowledgesOnReceiptNotOnApplying) {
  semi_sync_pair();
  b.applier_stalled = c.applier_stalled = true;
  const auto w = write(a);
  settle();
  EXPECT_TRUE(w->acknowledged());
  EXPECT_FALSE(b.has(w->transaction));
  EXPECT_EQ(in_relay_log(b), 1U);
}

TEST_F(Model, AReplicaThatReconnectsNeverAcknowledgesWhatItHasAndALaterCommitIsAcknowledgedForBoth) {
  semi_sync_pair();
  world.network.cut(b.index(), a.index());  // its acknowledgements do not arrive
  world.network.cut(c.index(), a.index());
  const auto w = write(a);
  settle();
  EXPECT_FALSE(w->answered);
  EXPECT_TRUE(b.has({0, 1})) << "the replica may have more executed than its source";
  b.stop_receiver(kIgnore);
  settle();
  world.network.heal(b.index(), a.index());
  b.start_receiver(kIgnore);
  world.run_for(10s);
  EXPECT_FALSE(w->acknowledged());
  const auto passed_by = run_step(SetSemiSyncSource{a.id(), true, true, 1, 1});
  world.run_for(1s);
  EXPECT_TRUE(passed_by->ok());
  EXPECT_TRUE(w->acknowledged());
}

TEST_F(Model, CrashRecoveryCommitsWhatNobodyAcknowledged) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  settle();
  ASSERT_FALSE(w->answered);
  restart(a);
  settle();
  EXPECT_FALSE(w->acknowledged());
  EXPECT_TRUE(a.holds({0, 1}) && a.disk().executed.count() == 1) << "errant once another node is primary";
}

TEST_F(Model, ARestartedSourceHasSemiSyncOffAndComesBackClosedOnlyWhenThatIsPersisted) {
  semi_sync_pair();
  restart(a);
  EXPECT_FALSE(a.source_enabled());
  EXPECT_EQ(a.read_only(), ReadOnly::Off);
  a.persist("super_read_only", "ON");
  restart(a);
  EXPECT_EQ(a.read_only(), ReadOnly::Super);
}

TEST_F(Model, ChangeWithTheApplierRunningKeepsTheRelayLog) {
  semi_sync_pair();
  b.applier_stalled = true;
  write(a);
  settle();
  b.stop_receiver(kIgnore);
  settle();
  b.change_source({kNowhere, {}}, kIgnore);
  EXPECT_EQ(in_relay_log(b), 1U);
  EXPECT_EQ(b.disk().received.count(), 1U);
}

TEST_F(Model, ChangeWithBothThreadsStoppedThrowsTheRelayLogAway) {
  semi_sync_pair();
  b.applier_stalled = true;
  write(a);
  settle();
  b.stop_receiver(kIgnore);
  b.stop_applier(kIgnore);
  settle();
  b.change_source({kNowhere, {}}, kIgnore);
  EXPECT_EQ(in_relay_log(b), 0U);
  EXPECT_TRUE(b.disk().received.empty());
}

TEST_F(Model, ForgettingASourceWaitsUntilWhatWasReceivedIsApplied) {
  semi_sync_pair();
  b.applier_stalled = true;
  const auto w = write(a);
  settle();
  const auto forgotten = run_step(ForgetSource{b.id(), a.id()});
  world.run_for(3s);
  EXPECT_FALSE(forgotten->replied);
  b.resume_applier();
  settle();
  EXPECT_TRUE(forgotten->ok());
  EXPECT_TRUE(b.has(w->transaction));
  EXPECT_FALSE(b.disk().channel);
}

TEST_F(Model, ResetReplicaThrowsTheRelayLogAway) {
  semi_sync_pair();
  b.applier_stalled = true;
  write(a);
  settle();
  b.stop_receiver(kIgnore);
  b.stop_applier(kIgnore);
  settle();
  b.reset_replica(kIgnore);
  EXPECT_EQ(in_relay_log(b), 0U);
  EXPECT_FALSE(b.disk().channel);
}

TEST_F(Model, RestartKeepsTheRelayLogUnlessRecoveryIsOn) {
  semi_sync_pair();
  world.network.cut(a.index(), b.index());
  world.network.heal(a.index(), b.index());
  b.applier_stalled = true;
  write(a);
  settle();
  a.crash();
  restart(b);
  EXPECT_EQ(in_relay_log(b), 1U);
  b.persist("relay_log_recovery", "ON");
  restart(b);
  EXPECT_EQ(in_relay_log(b), 0U);
}

TEST_F(Model, AStoppedReceiverStartsAgainWithItsServerAndADetachedOneFindsNobody) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  run_step(DetachReceiver{c.id(), a.id()});
  settle();
  restart(b);
  restart(c);
  world.run_for(3s);
  EXPECT_EQ(b.receiver().state, ThreadState::Running) << "and acknowledges for the old source";
  EXPECT_EQ(c.receiver().state, ThreadState::Connecting);
  EXPECT_EQ(look(c).channels.front().source.host, kDetachedHost);
}

TEST_F(Model, DetachIsRefusedWhileTheApplierIsStopped) {
  semi_sync_pair();
  b.stop_applier(kIgnore);
  settle();
  const auto detached = run_step(DetachReceiver{b.id(), a.id()});
  settle();
  ASSERT_TRUE(detached->replied);
  EXPECT_EQ(detached->error->code, ErrorCode::PreconditionFailed);
}

TEST_F(Model, TheTrapAReplicaWithTheSourceSideOnStopsApplying) {
  semi_sync_pair();
  b.set_semi_sync_source(true, 1);
  const auto first = write(a);
  const auto second = write(a);
  world.run_for(10s);
  EXPECT_TRUE(first->acknowledged() && second->acknowledged());
  EXPECT_FALSE(b.has(first->transaction));
  EXPECT_EQ(b.commits_waiting(), 1U);
  EXPECT_EQ(look(b).semi_sync.wait_sessions, 1);
  b.set_semi_sync_source(false, 1);
  settle();
  EXPECT_TRUE(b.has(first->transaction) && b.has(second->transaction));
}

TEST_F(Model, SuperReadOnlyWaitsForACommitThatWaitsAndReadsOneMeanwhile) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto hanging = write(a);
  settle();
  auto done = std::make_shared<Done>();
  a.set_read_only(ReadOnly::Super, 1s, 1, [done](std::optional<Error> e) { *done = {true, std::move(e)}; });
  world.run_for(500ms);
  EXPECT_FALSE(done->replied);
  EXPECT_EQ(look(a).read_only, ReadOnly::Super);
  const auto held = write(a);
  world.run_for(600ms);
  ASSERT_TRUE(done->replied);
  EXPECT_EQ(done->error->code, ErrorCode::LockWaitTimeout);
  EXPECT_EQ(look(a).read_only, ReadOnly::Off) << "open again";
  b.start_receiver(kIgnore);
  settle();
  EXPECT_TRUE(hanging->acknowledged() && held->acknowledged());
}

TEST_F(Model, SuperReadOnlyTakesHoldOnceTheCommitIsAcknowledged) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto hanging = write(a);
  settle();
  const auto closed = run_step(SetReadOnly{a.id(), ReadOnly::Off, ReadOnly::Super, 5s});
  const auto late = write(a);
  c.start_receiver(kIgnore);
  settle();
  EXPECT_TRUE(closed->ok() && hanging->acknowledged());
  ASSERT_TRUE(late->answered);
  EXPECT_EQ(late->error->code, ErrorCode::ReadOnlyServer);
}

TEST_F(Model, SwitchingSemiSyncOffHandsCommittedToWhoeverWaits) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  settle();
  a.set_semi_sync_source(false, 1);
  settle();
  EXPECT_TRUE(w->acknowledged()) << "that is why clients are cut first";
}

TEST_F(Model, TheStepThatSwitchesSemiSyncOffRefusesWhileCommitsHang) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  settle();
  const auto off = run_step(SetSemiSyncSource{a.id(), true, false, 1, 1});
  world.run_for(2s);
  ASSERT_TRUE(off->replied);
  EXPECT_EQ(off->error->code, ErrorCode::PreconditionFailed);
  EXPECT_TRUE(a.source_enabled());
  EXPECT_FALSE(w->answered);
}

TEST_F(Model, CloseReturnedCutsTheClientsBeforeItFreesTheirCommits) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  const auto w = write(a);
  settle();
  const auto closed = run_step(CloseReturned{a.id()});
  settle();
  EXPECT_TRUE(closed->ok());
  EXPECT_TRUE(w->answered && w->error);
  EXPECT_EQ(a.disk().executed.count(), 1U) << "the freed commit is there, errant";
  EXPECT_EQ(a.read_only(), ReadOnly::Super);
  EXPECT_TRUE(a.offline_mode());
}

TEST_F(Model, OfflineModeCutsTheReplicasToo) {
  semi_sync_pair();
  a.set_offline_mode(true);
  settle();
  EXPECT_EQ(b.receiver().state, ThreadState::Connecting);
  world.run_for(2s);
  EXPECT_EQ(look(b).channels.front().receiver_errno, 3032);
  a.set_offline_mode(false);
  world.run_for(2s);
  EXPECT_EQ(b.receiver().state, ThreadState::Running);
}

TEST_F(Model, AFrozenSourceIsSilentToItsReplicasAndThenLost) {
  semi_sync_pair();
  world.run_for(1s);
  a.freeze();
  world.run_for(900ms);
  const auto channel = look(b).channels.front();
  EXPECT_EQ(channel.receiver, ThreadState::Running) << "SERVICE_STATE says ON long after the source froze";
  EXPECT_GT(*channel.silence, 600ms);
  world.run_for(2s);
  EXPECT_EQ(b.receiver().state, ThreadState::Connecting);
  EXPECT_EQ(look(b).channels.front().receiver_errno, 0);
  world.run_for(3s);
  EXPECT_EQ(look(b).channels.front().receiver_errno, 2013);
  a.thaw();
  world.run_for(3s);
  EXPECT_EQ(b.receiver().state, ThreadState::Running);
}

TEST_F(Model, AKilledSourceIsLostOnlyWhenItsSocketsClose) {
  semi_sync_pair();
  world.run_for(1s);
  a.crash();
  ASSERT_TRUE(a.tearing_down());
  world.run_for(40ms);
  EXPECT_EQ(b.receiver().state, ThreadState::Running);
  world.run_for(400ms);
  EXPECT_EQ(b.receiver().state, ThreadState::Connecting);
  EXPECT_EQ(look(b).channels.front().receiver_errno, 2003);
}

TEST_F(Model, AFrozenSourceThatWakesTakesAcknowledgementsThatWaitedInItsSockets) {
  semi_sync_pair();
  world.run_for(1s);
  const auto w = write(a);
  world.run_for(4ms);  // the commit is in the binary log or about to be
  a.freeze();
  world.run_for(10s);
  EXPECT_FALSE(w->answered && !w->acknowledged());
  a.thaw();
  world.run_for(2s);
  EXPECT_TRUE(w->acknowledged());
}

TEST_F(Model, AThawedSourceWhoseReplicasLeftAcknowledgesNothing) {
  semi_sync_pair();
  world.run_for(1s);
  a.freeze();
  run_step(DetachReceiver{b.id(), a.id()});
  run_step(DetachReceiver{c.id(), a.id()});
  world.run_for(5s);
  a.thaw();
  const auto w = write(a);
  world.run_for(30s);
  EXPECT_FALSE(w->answered);
}

TEST_F(Model, AReadOnlyServerRefusesAccountsAndPlugins) {
  semi_sync_pair();
  EXPECT_EQ(run_step(CreateAccount{b.id(), AccountRole::Monitoring, {}, Logged::No})->error->code,
            ErrorCode::ReadOnlyServer);
  EXPECT_EQ(run_step(UninstallPlugin{b.id(), Plugin::SemiSyncSource})->error->code, ErrorCode::ReadOnlyServer);
}

TEST_F(Model, ALoggedAccountReplicates) {
  semi_sync_pair();
  run_step(CreateAccount{a.id(), AccountRole::Monitoring, {}, Logged::Yes});
  settle();
  EXPECT_TRUE(b.disk().accounts.contains(AccountRole::Monitoring));
}

TEST_F(Model, AReplicaWithMoreOfTheSourcesTransactionsThanTheSourceStops) {
  semi_sync_pair();
  write(a);
  settle();
  b.stop_receiver(kIgnore);
  settle();
  a.reset_gtids();
  b.start_receiver(kIgnore);
  settle();
  EXPECT_EQ(b.receiver().state, ThreadState::Stopped);
  EXPECT_EQ(look(b).channels.front().receiver_errno, 13114);
}

TEST_F(Model, AReplicaWithoutAnAccountIsDenied) {
  a.drop_account(AccountRole::Replication, kIgnore);
  follow(b, a);
  settle();
  EXPECT_EQ(b.receiver().state, ThreadState::Connecting);
  EXPECT_EQ(look(b).channels.front().receiver_errno, 1045);
}

TEST_F(Model, ANewerControlSessionKillsTheStatementOfTheFormer) {
  semi_sync_pair();
  b.stop_receiver(kIgnore);
  c.stop_receiver(kIgnore);
  settle();
  write(a);
  settle();
  ASSERT_TRUE(a.take_control(5));
  auto done = std::make_shared<Done>();
  a.set_read_only(ReadOnly::Super, 60s, 5, [done](std::optional<Error> e) { *done = {true, std::move(e)}; });
  settle();
  EXPECT_TRUE(a.take_control(6));
  ASSERT_TRUE(done->replied);
  EXPECT_EQ(done->error->code, ErrorCode::SessionSuperseded);
  EXPECT_EQ(a.read_only(), ReadOnly::Off);
  EXPECT_FALSE(a.take_control(5)) << "what the former sent late is not executed";
}

TEST_F(Model, WaitForAppliedMeansWhatTheSourceHadWhenTheWaitBegan) {
  semi_sync_pair();
  b.applier_stalled = true;
  const auto w = write(a);
  settle();
  const auto waited = run_step(WaitForApplied{b.id(), a.id(), 5s});
  world.run_for(1s);
  EXPECT_FALSE(waited->replied);
  b.resume_applier();
  settle();
  EXPECT_TRUE(waited->ok());
  EXPECT_TRUE(b.has(w->transaction));
}

TEST_F(Model, EveryStepMayBeRepeated) {
  semi_sync_pair();
  write(a);
  settle();
  const std::vector<Step> steps{
      SetReadOnly{a.id(), ReadOnly::Off, ReadOnly::Super, 1s},
      SetSemiSyncSource{a.id(), true, false, 1, 1},
      DetachReceiver{b.id(), a.id()},
      FollowSource{c.id(), a.id(), b.id(), {}},
      SetSemiSyncSource{b.id(), false, true, 1, 1},
      ForgetSource{b.id(), a.id()},
      SetReadOnly{b.id(), ReadOnly::Super, ReadOnly::Off, 1s},
      FollowSource{a.id(), std::nullopt, b.id(), {}},
      SetSemiSyncReplica{a.id(), true, true},
  };
  for (const auto& step : steps) {
    for (int i = 0; i < 2; ++i) {
      const auto done = run_step(step);
      world.run_for(1s);
      EXPECT_TRUE(done->ok()) << describe(step) << (i == 0 ? "" : ", the second time");
    }
  }
  const auto w = write(b);
  world.run_for(1s);
  EXPECT_TRUE(w->acknowledged());
  EXPECT_TRUE(a.has(w->transaction));
  EXPECT_TRUE(c.has(w->transaction));
}

/// a -> b -> c -> a, everybody writes.
class RingModel : public Model {
 protected:
  RingModel() {
    attach(b, a);
    attach(c, b);
    attach(a, c);
    settle();
  }
  void attach(Server& node, Server& source) {
    node.change_source({source.index(), {}}, kIgnore);
    node.start_applier(kIgnore);
    node.start_receiver(kIgnore);
  }
};

TEST_F(RingModel, GivesEverybodyEverythingAndThenRests) {
  const std::vector writes{write(a), write(b), write(c)};
  world.run_for(2s);
  for (const auto& w : writes) {
    EXPECT_TRUE(w->acknowledged());
    for (const auto* node : {&a, &b, &c}) EXPECT_TRUE(node->has(w->transaction));
  }
  EXPECT_EQ(a.disk().binary_log.size(), 3U) << "each transaction stops where it began";
  EXPECT_EQ(in_relay_log(a) + in_relay_log(b) + in_relay_log(c), 0U);
}

TEST_F(RingModel, WithSemiSyncEveryAppliersCommitIsAcknowledgedByTheNextNode) {
  for (auto* node : {&a, &b, &c}) node->set_semi_sync_source(true, 1);
  for (int i = 0; i < 4; ++i) {
    const std::vector writes{write(a), write(b), write(c)};
    world.run_for(2s);
    for (const auto& w : writes) {
      EXPECT_TRUE(w->acknowledged());
      for (const auto* node : {&a, &b, &c}) EXPECT_TRUE(node->has(w->transaction));
    }
  }
}

TEST_F(RingModel, TheNodeBeforeADeadOneHangsItsApplierToo) {
  for (auto* node : {&a, &b, &c}) node->set_semi_sync_source(true, 1);
  b.crash();
  world.run_for(2s);
  const auto own = write(a);
  const auto other = write(c);
  world.run_for(5s);
  EXPECT_FALSE(own->answered);
  EXPECT_TRUE(other->acknowledged()) << "a has received it";
  EXPECT_FALSE(a.has(other->transaction));
}

TEST_F(RingModel, ARestartMakesTrueWhatOnlyAStartCan) {
  a.persist("super_read_only", "ON");
  const auto restarted = run_step(RestartServer{
      .node = a.id(), .variables = {{"relay_log_recovery", "OFF", "ON", std::nullopt, "ON"}}, .replicates = true});
  world.run_for(10s);
  EXPECT_TRUE(restarted->ok());
  EXPECT_EQ(a.variable("relay_log_recovery"), "ON");
  EXPECT_EQ(a.read_only(), ReadOnly::Super);
}

TEST(SimulatedNetwork, DeliversWhatACutHeldBackInOrder) {
  World world{1};
  std::vector<int> arrived;
  const auto stream = new_stream();
  world.network.cut(0, 1);
  for (int i = 0; i < 3; ++i)
    world.network.send(
        0, 1, [&arrived, i] { arrived.push_back(i); }, stream);
  world.run_for(1s);
  EXPECT_TRUE(arrived.empty());
  world.network.heal(0, 1);
  for (int i = 3; i < 6; ++i)
    world.network.send(
        0, 1, [&arrived, i] { arrived.push_back(i); }, stream);
  world.run_for(2s);
  EXPECT_EQ(arrived, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace repl::sim
