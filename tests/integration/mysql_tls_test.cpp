// The modes of TLS on real servers with certificates of our own: what each path takes, and what it refuses. The paths:
// the watcher's sessions (libmariadb), operating sessions (the connector), trying a password, and a receiver.
#include <gtest/gtest.h>

#include "mysql/inventory.hpp"
#include "mysql/login.hpp"
#include "mysql_rig.hpp"
#include "tests/support/certificates.hpp"

namespace repl::mysql {
namespace {

using namespace rig;
using Certificates = repl::testing::Certificates;
using SignedBy = Certificates::SignedBy;

class Tls : public MysqlTest {
 protected:
  void SetUp() override {
    MysqlTest::SetUp();
    const auto right = certificates.made_out_to("IP:127.0.0.1");
    for (const auto& node : spec->nodes) use(node.id, right);
  }
  void TearDown() override {
    MysqlTest::TearDown();
    for (const auto& node : servers.spec().nodes) {
      servers.tell(node.id, {"SET GLOBAL ssl_ca='ca.pem', ssl_cert='server-cert.pem', ssl_key='server-key.pem'",
                             "ALTER INSTANCE RELOAD TLS"});
    }
  }

  void use(const NodeId& node, const Certificates::Pair& pair, SignedBy trusted = SignedBy::Ours) {
    servers.tell(node, {"SET GLOBAL ssl_ca='" + certificates.authority(trusted).string() + "', ssl_cert='" +
                            pair.certificate.string() + "', ssl_key='" + pair.key.string() + "'",
                        "ALTER INSTANCE RELOAD TLS"});
  }
  TlsSpec tls(TlsMode mode, SignedBy trusted = SignedBy::Ours) const {
    return {mode, certificates.authority(trusted).string()};
  }
  void declare(TlsMode mode) {
    auto changed = servers.spec();
    changed.tls = tls(mode);
    spec = std::make_shared<Spec>(changed);
  }

  /// New sessions of each kind to db1: "watcher connector login" of those that were let in.
  std::string let_in(const TlsSpec& with) {
    auto endpoint = servers.endpoint(kDb1);
    endpoint.tls = with;
    std::string out;
    const auto counters = std::make_shared<NodeCounters>();
    const Watcher::Key key{{"tls"}, kDb1};
    watcher->watch(key, endpoint, std::shared_ptr<SessionCounters>{counters, &counters->sessions});
    auto promise = std::make_shared<std::promise<Snapshot>>();
    watcher->probe(key, std::chrono::steady_clock::now() + 5s,
                   [promise](Snapshot snapshot) { promise->set_value(std::move(snapshot)); });
    const auto seen = promise->get_future().get();
    watcher->unwatch(key);
    if (seen.reachable()) out += "watcher ";
    EXPECT_TRUE(seen.reachable() || seen.reach == Reach::Denied) << seen.problem;
    const Call call{kDb1, std::chrono::steady_clock::now() + 5s, nullptr, nullptr};
    NodeMySQL connector{kDb1, endpoint, counters};
    const auto session = connector.borrow(Purpose::Look, call);
    if (session) out += "connector ";
    EXPECT_TRUE(session || session.error().code == ErrorCode::AccessDenied) << session.error().message;
    const auto works = try_login(call, endpoint, endpoint.user, endpoint.password);
    if (works && *works == LoginOutcome::Works) out += "login";
    EXPECT_TRUE(works || works.error().code == ErrorCode::AccessDenied) << works.error().message;
    return out;
  }
  /// What became of the receiver of db2: "running", or the number of its error.
  std::string receiver() {
    std::string out;
    EXPECT_TRUE(comes_true([&] {
      const auto now = probe(kDb2);
      const auto* channel = now.channel();
      if (channel == nullptr) return false;
      out = channel->receiver == ThreadState::Running ? "running" : std::to_string(channel->receiver_errno);
      return out != "0";
    }));
    return out;
  }
  void replicate_to_db2() {
    const auto& account = spec->accounts.at(AccountRole::Replication);
    for (const auto& node : {kDb1, kDb2}) done(CreateAccount{node, AccountRole::Replication, account, Logged::No});
    run(FollowSource{.replica = kDb2, .from = std::nullopt, .to = kDb1});
  }
  std::string channel(const std::string& column) {
    return servers.ask(kDb2, "SELECT " + column + " FROM performance_schema.replication_connection_configuration");
  }

  Certificates certificates;
};

constexpr const char* kAll = "watcher connector login";

TEST_F(Tls, OwnSessionsTakeTheRightCertificate) {
  EXPECT_EQ(let_in(tls(TlsMode::VerifyCa)), kAll);
  EXPECT_EQ(let_in(tls(TlsMode::VerifyIdentity)), kAll);
}

TEST_F(Tls, OwnSessionsRefuseACertificateOfAnotherNameUnderVerifyIdentity) {
  use(kDb1, certificates.made_out_to("IP:127.0.0.2"));
  EXPECT_EQ(let_in(tls(TlsMode::VerifyIdentity)), "");
  EXPECT_EQ(let_in(tls(TlsMode::VerifyCa)), kAll) << "there the name does not matter";
}

TEST_F(Tls, OwnSessionsRefuseAnUnknownAuthority) {
  EXPECT_EQ(let_in(tls(TlsMode::VerifyCa, SignedBy::Another)), "");
  EXPECT_EQ(let_in(tls(TlsMode::VerifyIdentity, SignedBy::Another)), "");
  EXPECT_EQ(let_in({TlsMode::Required, ""}), kAll) << "whoever answers";
}

TEST_F(Tls, ReceiversTakeTheRightCertificate) {
  declare(TlsMode::VerifyIdentity);
  replicate_to_db2();
  EXPECT_EQ(receiver(), "running");
  EXPECT_EQ(channel("CONCAT(SSL_ALLOWED, ' ', SSL_VERIFY_SERVER_CERTIFICATE, ' ', SSL_CA_FILE)"),
            "YES YES " + certificates.authority().string())
      << "the replica's own ssl_ca";
}

TEST_F(Tls, ReceiversRefuseACertificateOfAnotherNameUnderVerifyIdentity) {
  use(kDb1, certificates.made_out_to("IP:127.0.0.2"));
  declare(TlsMode::VerifyIdentity);
  replicate_to_db2();
  EXPECT_EQ(receiver(), "2026");
}

TEST_F(Tls, ReceiversTakeAnyNameUnderVerifyCa) {
  use(kDb1, certificates.made_out_to("IP:127.0.0.2"));
  declare(TlsMode::VerifyCa);
  replicate_to_db2();
  EXPECT_EQ(receiver(), "running");
}

TEST_F(Tls, ReceiversRefuseAnUnknownAuthorityUnderVerifyCa) {
  use(kDb1, certificates.made_out_to("IP:127.0.0.1", SignedBy::Another), SignedBy::Another);
  declare(TlsMode::VerifyCa);
  replicate_to_db2();
  EXPECT_EQ(receiver(), "2026");
}

TEST_F(Tls, AReplicaWithoutAnAuthorityIsNotAttached) {
  servers.tell(kDb2, {"SET GLOBAL ssl_ca=''"});
  declare(TlsMode::VerifyCa);
  const auto& account = spec->accounts.at(AccountRole::Replication);
  done(CreateAccount{kDb1, AccountRole::Replication, account, Logged::No});
  const auto result = run(FollowSource{.replica = kDb2, .from = std::nullopt, .to = kDb1});
  ASSERT_FALSE(result.ok()) << "it would check nothing";
  EXPECT_EQ(result.error->code, ErrorCode::PreconditionFailed);
  EXPECT_NE(result.error->message.find("ssl_ca"), std::string::npos) << result.error->message;
  EXPECT_TRUE(probe(kDb2).channels.empty());
}

TEST_F(Tls, AChannelOfAnotherModeIsToldTheDeclaredOne) {
  replicate();
  EXPECT_EQ(channel("SSL_ALLOWED"), "NO") << "preferred, on loopback";
  const auto before = probe(kDb2);
  declare(TlsMode::VerifyIdentity);
  const Call call{kDb2, std::chrono::steady_clock::now() + 20s, nullptr, nullptr};
  const auto as_declared = [&] {
    const auto session = nodes.at(kDb2)->borrow(Purpose::Look, call);
    Server server{**session, call};
    return receiver_is_as_declared(server, *spec).value();
  };
  EXPECT_EQ(as_declared(), std::optional{false});
  done(RenewReceiver{kDb2});
  EXPECT_EQ(as_declared(), std::optional{true});
  EXPECT_EQ(channel("CONCAT(SSL_ALLOWED, SSL_VERIFY_SERVER_CERTIFICATE)"), "YESYES");
  EXPECT_EQ(receiver(), "running");
  EXPECT_TRUE(probe(kDb2).position().contains(before.position()));
}

TEST_F(Tls, ACertificateOfTheSettingsIsServedAtOnceAndTakenBackAsWell) {
  const auto other = certificates.made_out_to("IP:127.0.0.2");
  const auto had = servers.ask(kDb1, "SELECT @@ssl_cert"), had_key = servers.ask(kDb1, "SELECT @@ssl_key");
  auto changed = servers.spec();
  changed.settings = {{"ssl_cert", other.certificate.string()}, {"ssl_key", other.key.string()}};
  spec = std::make_shared<Spec>(changed);
  const SetVariable certificate{kDb1, "ssl_cert", had, other.certificate.string(), false};
  const SetVariable key{kDb1, "ssl_key", had_key, other.key.string(), false};
  const auto served = [&] { return servers.ask(kDb1, "SHOW STATUS LIKE 'Current_tls_cert'", 1); };
  done(certificate);  // alone it does not fit the key
  done(key);
  EXPECT_EQ(served(), other.certificate.string());
  EXPECT_EQ(let_in(tls(TlsMode::VerifyIdentity)), "") << "another name";
  done(key);
  done(*inverse(key));
  done(*inverse(certificate));
  EXPECT_EQ(served(), had);
  EXPECT_EQ(let_in(tls(TlsMode::VerifyIdentity)), kAll);
}

TEST_F(Tls, ACertificateThatTheServerCannotUseIsAnError) {
  auto changed = servers.spec();
  changed.settings = {{"ssl_cert", "/nowhere.pem"}};
  spec = std::make_shared<Spec>(changed);
  const auto had = servers.ask(kDb1, "SELECT @@ssl_cert");
  const auto result = run(SetVariable{kDb1, "ssl_cert", had, "/nowhere.pem", false});
  ASSERT_FALSE(result.ok()) << "it serves the former one on";
  EXPECT_NE(result.error->message.find("RELOAD TLS"), std::string::npos) << result.error->message;
}

TEST_F(Tls, NothingIsClonedFromADonorOfAnotherNameUnderVerifyIdentity) {
  use(kDb1, certificates.made_out_to("IP:127.0.0.2"));
  declare(TlsMode::VerifyIdentity);
  auto endpoint = servers.endpoint(kDb2);
  endpoint.tls = spec->tls;
  nodes[kDb2] = std::make_unique<NodeMySQL>(kDb2, endpoint, std::make_shared<NodeCounters>());
  const auto& account = spec->accounts.at(AccountRole::Replication);
  done(CreateAccount{kDb1, AccountRole::Replication, account, Logged::No});
  const auto result = run(CloneFrom{.node = kDb2, .donor = kDb1, .discarded = probe(kDb2).executed});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error->code, ErrorCode::PreconditionFailed) << result.error->message;
  EXPECT_FALSE(probe(kDb2).offline_mode) << "not touched";
}

}  // namespace
}  // namespace repl::mysql
