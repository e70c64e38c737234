#include "mysql/worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <vector>

namespace repl::mysql {
namespace {

TEST(Worker, RunsTasksInTheirOrder) {
  std::vector<int> order;
  std::promise<void> done;
  Worker worker;
  for (int i = 0; i < 100; ++i) worker.post([&order, i] { order.push_back(i); });
  worker.post([&done] { done.set_value(); });
  done.get_future().wait();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Worker, GoesOnWithTheNextTasksWhenOneIsStuck) {
  std::promise<void> release, stuck, next, after;
  Worker worker;
  worker.post([&] {
    stuck.set_value();
    release.get_future().wait();
  });
  worker.post([&] { next.set_value(); });
  stuck.get_future().wait();
  worker.abandon();
  next.get_future().wait();
  worker.post([&] { after.set_value(); });
  after.get_future().wait();
  release.set_value();
}

}  // namespace
}  // namespace repl::mysql
