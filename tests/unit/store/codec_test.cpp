#include "store/codec.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "samples.hpp"

namespace repl::store {
namespace {

using Json = nlohmann::json;

template <class T>
void comes_back_equal(const T& value) {
  const auto back = decode<T>(encode(value));
  ASSERT_TRUE(back) << back.error().message << "\n" << encode(value);
  EXPECT_EQ(*back, value) << encode(value);
}

TEST(Codec, GivesBackEachKindOfStep) {
  const auto steps = samples::steps();
  ASSERT_EQ(steps.size(), std::variant_size_v<Step>) << "a step has no sample";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    ASSERT_EQ(steps[i].index(), i) << "samples are not in the order of the variant";
    comes_back_equal(steps[i]);
  }
}

TEST(Codec, GivesBackStepsWithEmptyOptionals) {
  comes_back_equal(Step{FollowSource{.replica = {"db1"}, .from = std::nullopt, .to = {"db2"}}});
}

TEST(Codec, WritesEachKindOfStepUnderItsOwnName) {
  std::set<std::string> names;
  for (const auto& step : samples::steps()) {
    const auto json = Json::parse(encode(step));
    EXPECT_EQ(json.at("name"), name_of(step));
    names.insert(json.at("name"));
  }
  EXPECT_EQ(names.size(), std::variant_size_v<Step>);
}

TEST(Codec, KeepsTheKeysThatAreInTheFilesOfUsers) {
  EXPECT_EQ(
      Json::parse(encode(Step{FollowSource{{"db1"}, NodeId{"db2"}, {"db3"}, std::chrono::seconds(60)}})),
      Json::parse(
          R"({"name":"follow-source","replica":"db1","from":"db2","to":"db3","delay_s":60,"delay_before_s":null,"channel":""})"));
  EXPECT_EQ(Json::parse(encode(Office{{4}, NodeId{"db2"}, {NodeId{"db1"}}, 1, {}, true, false, samples::at(7)})),
            Json::parse(R"({"term":4,"primary":"db2","ackers":["db1"],"acks":1,"inherited":"","returns_read_only":true,
                            "commits_wait":false,"since_us":7,"failed_hooks":[],"hooks_due":null})"));
}

TEST(Codec, GivesBackSpecOperationMemoryAndEvent) {
  comes_back_equal(samples::spec());
  comes_back_equal(samples::operation());
  comes_back_equal(samples::operation().plan);
  comes_back_equal(samples::memory());
  comes_back_equal(samples::memory().office);
  comes_back_equal(samples::event());
  comes_back_equal(samples::revision());
}

TEST(Codec, GivesBackVerifications) {
  comes_back_equal(samples::verification());
  comes_back_equal(samples::verified_table());
  comes_back_equal(samples::finding());
  comes_back_equal(verify::Run{});
  comes_back_equal(verify::TableProgress{});
  comes_back_equal(verify::Finding{});
}

TEST(Codec, ReadsVerificationsFromBeforeTheyKnewWhatTheyBelongTo) {
  auto table = Json::parse(encode(samples::verified_table()));
  table.erase("definition");
  const auto back = decode<verify::TableProgress>(table.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->definition, "") << "so that it is read anew";
  auto run = Json::parse(encode(samples::verification()));
  run.erase("full");
  ASSERT_TRUE(decode<verify::Run>(run.dump()));
  EXPECT_FALSE(decode<verify::Run>(run.dump())->full);
}

TEST(Codec, ReadsSpecsFromBeforeThereWasConsistency) {
  auto json = Json::parse(encode(samples::spec()));
  json.erase("consistency");
  const auto back = decode<Spec>(json.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->consistency, ConsistencySpec{});
}

TEST(Codec, GivesBackDefaults) {
  comes_back_equal(Spec{});
  comes_back_equal(Operation{});
  comes_back_equal(Plan{});
  comes_back_equal(Memory{});
  comes_back_equal(Event{});
  comes_back_equal(AppliedRevision{});
}

/// Writes `value` once for each value of an enum and wants each back: a name that stands for two of them would be
/// found.
template <class T, class E>
void each_value_comes_back(T value, E T::*member, int count) {
  for (int i = 0; i < count; ++i) {
    value.*member = static_cast<E>(i);
    comes_back_equal(value);
    EXPECT_EQ(encode(value).find("\"?\""), std::string::npos) << "value " << i << " has no name";
  }
}

TEST(Codec, GivesBackEachValueOfEachEnum) {
  each_value_comes_back(Operation{}, &Operation::goal, 8);
  each_value_comes_back(Operation{}, &Operation::phase, 3);
  each_value_comes_back(Operation{}, &Operation::state, 5);
  each_value_comes_back(Event{}, &Event::severity, 3);
  each_value_comes_back(Spec{}, &Spec::topology, 5);
  each_value_comes_back(Spec{}, &Spec::positioning, 2);
  each_value_comes_back(Spec{}, &Spec::provisioning, 2);
  each_value_comes_back(Spec{}, &Spec::management, 2);
  for (int i = 0; i < 7; ++i) {
    Operation o;
    o.progress.push_back({.state = static_cast<StepState>(i)});
    comes_back_equal(o);
  }
  for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i) {
    Operation o;
    o.error = Error{static_cast<ErrorCode>(i), "x"};
    comes_back_equal(o);
  }
  for (int i = 0; i < 5; ++i) {
    Spec s;
    s.tls.mode = static_cast<TlsMode>(i);
    s.failover.fencing = static_cast<FencingMode>(i);
    s.failover.rejoin = static_cast<Rejoin>(i % 3);
    s.sync.mode = static_cast<DataSyncType>(i % 3);
    s.nodes.push_back({.id = {"a"}, .type = static_cast<NodeType>(i % 3), .promotion = static_cast<Promotion>(i % 4)});
    s.accounts[static_cast<AccountRole>(i % 4)].password.kind = static_cast<SecretRef::Kind>(i % 3);
    comes_back_equal(s);
  }
}

TEST(Codec, PassesOverFieldsThatItDoesNotKnow) {
  auto json = Json::parse(encode(samples::memory()));
  json["from_the_future"] = {1, 2, 3};
  json["operation"]["plan"]["steps"][0]["step"]["from_the_future"] = "x";
  json["spec"]["nodes"][0]["from_the_future"] = nullptr;
  const auto back = decode<Memory>(json.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, samples::memory());
}

TEST(Codec, RefusesAStepItDoesNotKnowAndNamesIt) {
  auto json = Json::parse(encode(samples::operation()));
  json["plan"]["steps"][3]["step"]["name"] = "teleport";
  const auto back = decode<Operation>(json.dump());
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::StoreFailed);
  EXPECT_NE(back.error().message.find("teleport"), std::string::npos) << back.error().message;
  EXPECT_NE(back.error().message.find("/plan/steps/3"), std::string::npos) << back.error().message;
}

TEST(Codec, RefusesEachMissingFieldOfAnOperation) {
  const auto whole = Json::parse(encode(samples::operation()));
  for (const auto& [key, value] : whole.items()) {
    auto json = whole;
    json.erase(key);
    const auto back = decode<Operation>(json.dump());
    ASSERT_FALSE(back) << key;
    EXPECT_NE(back.error().message.find(key), std::string::npos) << back.error().message;
  }
}

TEST(Codec, RefusesWrongTypesAndOutOfRangeNumbers) {
  const auto whole = Json::parse(encode(samples::spec()));
  for (const auto& [pointer, wrong] : std::vector<std::pair<std::string, Json>>{{"/nodes/0/address/port", 65536},
                                                                                {"/nodes/0/address/port", -1},
                                                                                {"/nodes/0/address/port", "3306"},
                                                                                {"/nodes/0/address/port", 33.06},
                                                                                {"/nodes", "db1"},
                                                                                {"/sync/mode", "quantum"},
                                                                                {"/failover/automatic", 1},
                                                                                {"/accounts", nullptr}}) {
    auto json = whole;
    json[Json::json_pointer(pointer)] = wrong;
    const auto back = decode<Spec>(json.dump());
    ASSERT_FALSE(back) << pointer << " = " << wrong;
    EXPECT_NE(back.error().message.find(pointer.substr(0, 6)), std::string::npos) << back.error().message;
  }
  EXPECT_FALSE(decode<Spec>(R"({"cluster":)"));
  EXPECT_FALSE(decode<Spec>(""));
}

TEST(Codec, KeepsATextWithBytesThatAreNotUtf8Readable) {
  auto event = samples::event("server said: \xff\xfe");
  const auto back = decode<Event>(encode(event));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->text.substr(0, 13), "server said: ");
}

}  // namespace
}  // namespace repl::store
