// Operations while they run, and the sentence at their end.
#include "ctl/progress.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "samples.hpp"

namespace repl::ctl {
namespace {

using samples::operation;
using samples::progress;

const Style kSigns{.unicode = true};

TEST(Progress, PrintsEachStepOnceWhenItIsOver) {
  std::ostringstream out;
  Progress shown(out, Progress::Mode::Lines, {}, 0);
  shown.show(operation("running", {progress("running"), progress("waiting"), progress("waiting"), progress("waiting")}),
             0.1);
  EXPECT_EQ(out.str(), "");
  shown.show(operation("running", {progress("done"), progress("running"), progress("waiting"), progress("waiting")}),
             0.2);
  shown.show(operation("running", {progress("done"), progress("running"), progress("waiting"), progress("waiting")}),
             0.3);
  shown.show(operation("done", {progress("done"), progress("done", 0.5), progress("done"), progress("skipped")}), 0.6);
  EXPECT_EQ(out.str(),
            "  ok       db1  writable -> super-read-only  0.02 s\n"
            "  ok       db2  apply all that db1 has (at most 10 s)  0.50 s\n"
            "  ok       db2  super-read-only -> writable  0.02 s\n"
            "  skipped  db3  follow db2\n");
}

TEST(Progress, BeginsAnewWhenAFailoverEntersItsSecondPhase) {
  std::ostringstream out;
  Progress shown(out, Progress::Mode::Lines, kSigns, 0);
  auto secure = operation("running", {progress("done")});
  secure["phase"] = "secure";
  secure["plan"]["steps"] = {samples::step("db2", "detach from db1")};
  shown.show(secure, 0.1);
  auto promote =
      operation("running", {progress("done"), progress("waiting"), progress("waiting"), progress("waiting")});
  promote["phase"] = "promote";
  shown.show(promote, 0.2);
  EXPECT_EQ(out.str(),
            "  ✓  db2  detach from db1  0.02 s\n"
            "  ✓  db1  writable -> super-read-only  0.02 s\n");
}

/// The second of two steps is a clone at that stage.
Json cloning(const char* stage, double rate) {
  auto out = operation("running", {progress("done"), progress("running")});
  out["plan"]["steps"] = {samples::step("db1", "prepare"), samples::step("db3", "clone the data of db2")};
  out["plan"]["steps"][1]["name"] = "clone-from";
  out["progress"][1]["clone"] = {{"stage", stage},
                                 {"bytesDone", 1'234'000'000},
                                 {"bytesEstimated", 34'000'000'000},
                                 {"bytesPerSecond", rate},
                                 {"secondsLeft", rate > 0 ? Json(150.0) : Json(nullptr)}};
  return out;
}

TEST(Progress, ShowsHowFarACloneIs) {
  EXPECT_EQ(clone_words(cloning("file-copy", 210e6)["progress"][1]), "file copy, 1.2 GB of 34 GB, 210 MB/s, 2m left");
  EXPECT_EQ(clone_words(cloning("redo-copy", 0)["progress"][1]), "redo copy, 1.2 GB of 34 GB");
  EXPECT_EQ(clone_words(cloning("restart", 0)["progress"][1]), "restart: the server comes back with its new data");
  EXPECT_EQ(clone_words(cloning("finishing", 0)["progress"][1]), "finishing");
  EXPECT_EQ(clone_words(progress("running")), "");
  EXPECT_EQ(live_lines(cloning("file-copy", 210e6), 3, 0, kSigns, 100).front(),
            "  ⠋  db3  clone the data of db2: file copy, 1.2 GB of 34 GB, 210 MB/s, 2m left");
}

TEST(Progress, SaysEachStageOfACloneOnceWhereNobodyWatches) {
  std::ostringstream out;
  Progress shown(out, Progress::Mode::Lines, {}, 0);
  shown.show(cloning("file-copy", 210e6), 1);
  out.str({});
  shown.show(cloning("file-copy", 190e6), 2);
  EXPECT_EQ(out.str(), "");
  shown.show(cloning("restart", 0), 3);
  EXPECT_EQ(out.str(), "  db3  restart: the server comes back with its new data\n");
}

TEST(Outcome, OfAnApplyThatWasTakenBackSaysWhatWasClonedOverAllTheSame) {
  auto operation = cloning("finishing", 0);
  operation["state"] = "taken-back";
  EXPECT_EQ(outcome_of(operation, 0).sentence.find("cloned over"), std::string::npos);
  operation["progress"][1]["state"] = "undone";
  EXPECT_NE(outcome_of(operation, 0).sentence.find("as it was, but for the data that were cloned over: db3\n"),
            std::string::npos)
      << outcome_of(operation, 0).sentence;
}

TEST(CatchingUp, IsToldOfClonedNodesThatLackSomething) {
  const auto done = cloning("finishing", 0);
  EXPECT_EQ(cloned_nodes(done), std::vector<std::string>{"db3"});
  Json cluster = {{"positioning", "gtid"},
                  {"nodes",
                   {{{"name", "db2"}, {"reach", "ok"}, {"missing", 7}, {"delaySeconds", 0}},
                    {{"name", "db3"}, {"reach", "ok"}, {"missing", 1234}, {"delaySeconds", 0}}}}};
  EXPECT_EQ(catching_up_words(cluster, {"db3"}), "db3 is catching up: 1,234 transactions behind");
  cluster["nodes"][1]["delaySeconds"] = 3600;
  EXPECT_EQ(catching_up_words(cluster, {"db3"}), "");
  cluster["nodes"][1]["delaySeconds"] = 0;
  cluster["nodes"][1]["missing"] = 0;
  EXPECT_EQ(catching_up_words(cluster, {"db3"}), "");
}

TEST(Progress, RedrawsTheRunningStepsOnATerminal) {
  std::ostringstream out;
  Progress shown(out, Progress::Mode::Live, kSigns, 80);
  shown.show(operation("running", {progress("running"), progress("waiting"), progress("waiting"), progress("waiting")}),
             0.1);
  EXPECT_EQ(out.str(),
            "  ⠋  db1  writable -> super-read-only\n"
            "  switchover running, 0 of 4 steps over, 0.10 s\n");
  out.str({});
  shown.show(operation("running", {progress("done"), progress("running"), progress("waiting"), progress("waiting")}),
             0.2);
  EXPECT_EQ(out.str(),
            "\x1b[2A\r\x1b[J"
            "  ✓  db1  writable -> super-read-only  0.02 s\n"
            "  ⠙  db2  apply all that db1 has (at most 10 s)\n"
            "  switchover running, 1 of 4 steps over, 0.20 s\n");
  out.str({});
  shown.clear();
  EXPECT_EQ(out.str(), "\x1b[2A\r\x1b[J");
}

TEST(FinishedStepLine, NamesTheErrorAndTheAttempts) {
  auto failed = progress("failed", 1.5);
  failed["attempts"] = 3;
  failed["error"] = {{"code", "lock-wait-timeout"}, {"message", "db1: a backup holds the lock: KILL 42"}};
  EXPECT_EQ(finished_step_line(samples::step("db1", "writable -> super-read-only"), failed, kSigns, 0),
            "  ✗  db1  writable -> super-read-only  1.50 s, 3 attempts\n"
            "       db1: a backup holds the lock: KILL 42\n");
}

TEST(FinishedStepLine, FitsTheTerminal) {
  EXPECT_EQ(finished_step_line(samples::step("db1", "writable -> super-read-only"), progress("done"), kSigns, 30),
            "  ✓  db1  writable ->…  0.02 s\n");
}

TEST(OutcomeOf, SaysWhoTakesWritesAndHowLongItTook) {
  const auto outcome = outcome_of(operation("done", Json::array()), 0);
  EXPECT_EQ(outcome.code, Exit::Done);
  EXPECT_EQ(outcome.sentence, "shop: db2 is the primary and takes writes (4 steps, 0.62 s)");
}

TEST(OutcomeOf, NamesTheRevisionOfAnApply) {
  auto apply = operation("done", Json::array());
  apply["goal"] = "apply";
  EXPECT_EQ(outcome_of(apply, 8).sentence,
            "shop: revision 8 is in force, db2 is the primary and takes writes (4 steps, 0.62 s)");
  apply["plan"]["promotes"] = nullptr;
  EXPECT_EQ(outcome_of(apply, 8).sentence, "shop: revision 8 is in force (4 steps, 0.62 s)");
}

TEST(OutcomeOf, ExplainsWhatWasTakenBack) {
  auto taken_back = operation("taken-back", Json::array());
  taken_back["error"] = {{"code", "deadline-exceeded"}, {"message", "db2: still 40 s behind after 10 s"}};
  const auto outcome = outcome_of(taken_back, 0);
  EXPECT_EQ(outcome.code, Exit::TakenBack);
  EXPECT_EQ(outcome.sentence,
            "shop: switchover failed and was taken back, everything is as it was\n"
            "  why: db2: still 40 s behind after 10 s\n"
            "  steps: replctl operation shop-13");
}

TEST(OutcomeOf, SaysWhatAServerThatDiedHasKept) {
  auto taken_back = cloning("finishing", 0);
  taken_back["state"] = "taken-back";
  taken_back["progress"][1]["state"] = "skipped";
  taken_back["progress"][1]["tookSeconds"] = nullptr;
  EXPECT_EQ(outcome_of(taken_back, 0).sentence.find("before it died"), std::string::npos) << "it was never begun";
  taken_back["progress"][1]["tookSeconds"] = 0.3;
  EXPECT_NE(outcome_of(taken_back, 0).sentence.find("as it was, but for what was done on db3 before it died\n"),
            std::string::npos)
      << outcome_of(taken_back, 0).sentence;
}

TEST(OutcomeOf, CallsForAPersonAndSaysWhereToLook) {
  auto failed = progress("failed");
  failed["error"] = {{"code", "connection-lost"}, {"message", "the server went away"}};
  const auto outcome =
      outcome_of(operation("needs-person", {progress("done"), progress("done"), failed, progress("waiting")}), 0);
  EXPECT_EQ(outcome.code, Exit::NeedsPerson);
  EXPECT_EQ(outcome.sentence,
            "shop: switchover failed and could be neither finished nor taken back: a person is needed\n"
            "  why: db2: super-read-only -> writable: the server went away\n"
            "  what is there now: replctl status shop\n"
            "  steps: replctl operation shop-13");
}

TEST(OutcomeOf, TellsHowToWaitForWhatGoesOn) {
  const auto outcome = outcome_of(operation("running", Json::array()), 0);
  EXPECT_EQ(outcome.code, Exit::TimedOut);
  EXPECT_EQ(outcome.sentence,
            "shop: switchover goes on (2 of 4 steps done); wait for it with: replctl operation shop-13 --wait");
}

TEST(RenderOperation, ShowsEverythingAboutOne) {
  EXPECT_EQ(render_operation(
                operation("done", {progress("done"), progress("done"), progress("done"), progress("done")}), kSigns),
            "operation shop-13  switchover done\n"
            "  cluster   shop\n"
            "  asked by  alice\n"
            "  because   asked for\n"
            "  term      42\n"
            "  started   2025-11-24 07:08:22Z\n"
            "  finished  2025-11-24 07:08:22Z, after 0.62 s\n"
            "steps\n"
            "  ✓  db1  writable -> super-read-only  0.02 s\n"
            "  ✓  db2  apply all that db1 has (at most 10 s)  0.02 s\n"
            "  ✓  db2  super-read-only -> writable  0.02 s\n"
            "  ✓  db3  follow db2  0.02 s\n"
            "why\n"
            "  db2: 0 s behind, the primary's region\n");
}

TEST(RenderOperation, ShowsWhatAHookPrinted) {
  auto talked = progress("done");
  talked["output"] = "asked the proxy\n\nit agreed";
  EXPECT_NE(render_operation(operation("done", {progress("done"), talked, progress("done"), progress("done")}), kSigns)
                .find("  ✓  db2  apply all that db1 has (at most 10 s)  0.02 s\n"
                      "       | asked the proxy\n"
                      "       | \n"
                      "       | it agreed\n"
                      "  ✓  db2  super-read-only"),
            std::string::npos);
}

}  // namespace
}  // namespace repl::ctl
