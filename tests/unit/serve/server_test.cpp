#include "serve/server.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <thread>

#include "client.hpp"

namespace repl::serve {
namespace {

using namespace std::chrono_literals;

/// Says what it was asked. "/wait" is answered when the test says so.
struct Echo final : Application {
  std::mutex mutex;
  std::condition_variable changed;
  bool let_go = false;
  int waiting = 0;

  Worker worker_for(const Request& request) const override {
    return request.target == "/wait" ? Worker::Change : Worker::Look;
  }
  Response answer(const Request& request) override {
    if (request.target == "/wait") {
      std::unique_lock lock(mutex);
      ++waiting;
      changed.notify_all();
      changed.wait(lock, [this] { return let_go; });
    }
    if (request.target == "/none") return {.status = 204};
    return {.content_type = "text/plain",
            .body = fmt::format("{} {} {} {}", to_string(request.method), request.target, request.authorization,
                                request.body)};
  }
  Response refuse(int status, std::string_view why) override { return {.status = status, .body = std::string(why)}; }

  void until_waiting(int count) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return waiting >= count; }));
  }
  void release() {
    const std::lock_guard lock(mutex);
    let_go = true;
    changed.notify_all();
  }
};

struct ServerTest : testing::Test {
  Echo echo;
  std::unique_ptr<Server> server;

  void start(Limits limits = {}) { server = Server::start({"127.0.0.1", 0}, echo, limits).value(); }
  Address address() const { return server->address(); }
};

TEST_F(ServerTest, ListensOnTheAddressItNamesAndAnswers) {
  start();
  EXPECT_GT(address().port, 0);
  const auto answer = call(address(), "POST", "/x?y=1", "abc", "hello");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST /x?y=1 Bearer abc hello");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
}

TEST_F(ServerTest, KeepsAConnectionForTheNextRequest) {
  start();
  Client client(address());
  for (int i = 0; i < 3; ++i) {
    client.ask("GET", fmt::format("/{}", i));
    EXPECT_EQ(client.answer().body, fmt::format("GET /{}  ", i));
  }
  client.send("GET /last HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.answer().headers.at("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(address());
  client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.answer().body, "GET /1  ");
  EXPECT_EQ(client.answer().body, "GET /2  ");
}

TEST_F(ServerTest, ClosesAfterAnHttp10Request) {
  start();
  Client client(address());
  client.send("OPTIONS / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.answer().body, "OPTIONS /  ");
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, AnswersHeadWithTheLengthButWithoutTheBody) {
  start();
  Client client(address());
  client.ask("HEAD", "/x");
  EXPECT_EQ(client.answer(true).headers.at("content-length"), "9");
  client.ask("GET", "/y");
  EXPECT_EQ(client.answer().body, "GET /y  ");
  client.ask("GET", "/none");
  EXPECT_EQ(client.answer().status, 204);
}

TEST_F(ServerTest, TellsAClientThatWaitsToGoOnWithItsBody) {
  start();
  Client client(address());
  client.send("POST /x HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.answer(true).status, 100);
  client.send("hello");
  EXPECT_EQ(client.answer().body, "POST /x  hello");
}

TEST_F(ServerTest, RefusesWhatIsTooLargeAndWhatIsNoHttp) {
  start({.body_bytes = 1000, .header_bytes = 1000});
  EXPECT_EQ(call(address(), "POST", "/x", "", std::string(1000, 'b')).status, 200);
  EXPECT_EQ(call(address(), "POST", "/x", "", std::string(1001, 'b')).status, 413);
  EXPECT_EQ(call(address(), "GET", "/" + std::string(2000, 'x')).status, 431);
  Client client(address());
  client.send("what is this\r\n\r\n");
  EXPECT_EQ(client.answer().status, 400);
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, ClosesAConnectionThatSendsTooSlowlyOrNothing) {
  start({.request = 100ms, .idle = 150ms});
  Client silent(address());
  Client slow(address());
  slow.send("GET / HT");
  Client kept(address());
  kept.ask("GET", "/");
  EXPECT_EQ(kept.answer().status, 200);
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(slow.closed());
  EXPECT_TRUE(kept.closed());
}

TEST_F(ServerTest, RefusesConnectionsBeyondTheLimitAndTakesThemAgain) {
  start({.connections = 2});
  {
    Client first(address()), second(address());
    for (auto* client : {&first, &second}) {
      client->ask("GET", "/");
      EXPECT_EQ(client->answer().status, 200);
    }
    Client third(address());
    EXPECT_EQ(third.answer().status, 503);
    EXPECT_TRUE(third.closed());
  }
  // The server learns of the closed ones in its own time.
  int status = 0;
  for (const auto deadline = std::chrono::steady_clock::now() + 10s;
       status != 200 && std::chrono::steady_clock::now() < deadline;) {
    Client again(address());
    again.ask("GET", "/");
    status = again.answer().status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(ServerTest, LooksWhileChangesWait) {
  start({.change_threads = 2});
  Client a(address()), b(address()), c(address());
  for (auto* client : {&a, &b, &c}) client->ask("POST", "/wait");
  echo.until_waiting(2);
  EXPECT_EQ(call(address(), "GET", "/look").status, 200);
  echo.release();
  for (auto* client : {&a, &b, &c}) EXPECT_EQ(client->answer().status, 200);
}

TEST_F(ServerTest, FinishesAnswersThatAreUnderWayWhenItStops) {
  start();
  Client waiting(address()), idle(address());
  waiting.ask("POST", "/wait");
  echo.until_waiting(1);
  std::jthread stopping([this] { server->stop(); });
  EXPECT_TRUE(idle.closed());
  echo.release();
  const auto answer = waiting.answer();
  EXPECT_EQ(answer.body, "POST /wait  ");
  stopping.join();
  EXPECT_THROW(Client{address()}, std::runtime_error);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start();
  const auto taken = Server::start(address(), echo);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("in use"), std::string::npos) << taken.error().message;
  const auto wrong = Server::start({"not-an-address", 1}, echo);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::InvalidArgument);
}

TEST_F(ServerTest, SurvivesClientsThatGoAway) {
  start();
  for (int i = 0; i < 50; ++i) {
    Client client(address());
    client.ask("POST", "/x", "", std::string(static_cast<std::size_t>(i) * 100, 'b'));
    if (i % 2 == 0) client.send("GET /more");
  }
  EXPECT_EQ(call(address(), "GET", "/still-there").status, 200);
}

}  // namespace
}  // namespace repl::serve
