#include "apps/batches/client.hpp"

#include "actors/timer/timer.hpp"

#include <algorithm>
#include <atomic>

namespace troupe {
namespace {

using std::chrono::microseconds;

// The task whose function this thread runs.
thread_local task_ref current;

/// A promise that is kept in any case: dropped on the way (the node stops), it says so.
template <class T>
class kept_promise {
public:
  explicit kept_promise(T otherwise) : otherwise_{std::move(otherwise)} {}
  kept_promise(const kept_promise&) = delete;
  kept_promise& operator=(const kept_promise&) = delete;
  ~kept_promise() { set(std::move(otherwise_)); }

  [[nodiscard]] std::future<T> future() { return promise_.get_future(); }
  void set(T value) {
    if (!done_.exchange(true))
      promise_.set_value(std::move(value));
  }

private:
  std::promise<T> promise_;
  std::atomic<bool> done_{false};
  T otherwise_;
};

task_result failed(const caf::error& e) {
  auto why = from_caf(e);
  return {why.code, std::move(why.message), {}, {}};
}

task_result stopped() {
  return {ec::cancelled, "shutting down", {}, {}};
}

using view_promise_ptr = std::shared_ptr<kept_promise<result<batch_view>>>;

view_promise_ptr view_promise() {
  return std::make_shared<kept_promise<result<batch_view>>>(fail(ec::cancelled, "shutting down"));
}

result<batch_view> failure(const caf::error& e) {
  auto why = from_caf(e);
  return fail(why.code, std::move(why.message));
}

// All results, once the batch has ended: its own deadline ends the waiting, long before this year is over.
batch_query all_of(std::string id) {
  return {std::move(id), 0, INT64_MAX, INT64_C(366) * 24 * 3600 * 1'000'000, current};
}

void await(gate_actor::pointer self, const batch_actor& to, const batch_query& q, const view_promise_ptr& promise) {
  self->request(to, by_its_deadline, q)
    .then(
      [promise](batch_view& v) {
        if (v.state == batch_state::failed)
          promise->set(fail(v.code, v.message));
        else
          promise->set(std::move(v));
      },
      [promise](const caf::error& wrong) { promise->set(failure(wrong)); });
}

} // namespace

gate_actor::behavior_type batch_gate(gate_actor::pointer self) {
  return {[self](const gate_call& c) { c.run(self); }};
}

batch_client::batch_client(gate_actor gate, batch_actor batches)
    : gate_{std::move(gate)}, batches_{std::move(batches)} {}

batch_client::~batch_client() = default;

batch_task batch_client::task_of(blocking_call c) {
  batch_task out;
  out.lane = std::move(c.lane);
  out.remaining_us = c.timeout.count();
  out.work = [threads = std::weak_ptr{threads_}, run = std::move(c.run)](
               const task_context& context, const task_completion& done) {
    const auto alive = threads.lock();
    if (!alive)
      return done(stopped());
    alive->run([run, context, done] {
      current = context.self;
      task_result r;
      try {
        r = run();
      } catch (const std::exception& e) {
        r = {ec::internal, e.what(), {}, {}};
      } catch (...) {
        r = {ec::internal, "an exception of no known type", {}, {}};
      }
      current = {};
      done(std::move(r));
    });
  };
  return out;
}

std::future<task_result> batch_client::execute(blocking_call c) {
  const auto timeout = c.timeout.count() > 0 ? c.timeout : options{}.timeout;
  c.timeout = {};
  return execute(task_of(std::move(c)), timeout);
}

std::future<task_result> batch_client::execute(batch_task t, microseconds timeout) {
  auto promise = std::make_shared<kept_promise<task_result>>(stopped());
  auto out = promise->future();
  within(gate_,
    [promise, to = batches_, e = task_execute{std::move(t), current, timeout.count()}](gate_actor::pointer self) {
      self->request(to, by_its_deadline, e)
        .then([promise](task_result& r) { promise->set(std::move(r)); },
          [promise](const caf::error& wrong) { promise->set(failed(wrong)); });
    });
  return out;
}

std::vector<batch_client::task_future> batch_client::enqueue_batch(
  std::string id, std::vector<blocking_call> calls, const options& how) {
  std::vector<batch_task> tasks;
  tasks.reserve(calls.size());
  for (auto& c : calls)
    tasks.push_back(task_of(std::move(c)));
  return enqueue_tasks(std::move(id), std::move(tasks), how);
}

std::vector<batch_client::task_future> batch_client::enqueue_tasks(
  std::string id, std::vector<batch_task> tasks, const options& how) {
  using promises = std::vector<std::shared_ptr<kept_promise<task_result>>>;
  const auto each = std::make_shared<promises>();
  std::vector<task_future> out(tasks.size());
  for (auto& f : out) {
    each->push_back(std::make_shared<kept_promise<task_result>>(stopped()));
    f.client_ = this;
    f.batch_ = id;
    f.inner_ = each->back()->future();
  }
  batch_enqueue b;
  b.id = std::move(id);
  b.tasks = std::move(tasks);
  b.strict = how.strict;
  b.remaining_us = how.timeout.count();
  b.parent = current;
  b.progress = [each, also = how.progress](const task_progress& p) {
    if (also)
      also(p);
    (*each)[p.index]->set(p.result);
  };
  auto shared = std::make_shared<batch_enqueue>(std::move(b));
  within(gate_, [each, shared, to = batches_](gate_actor::pointer self) {
    self->request(to, by_its_deadline, std::move(*shared))
      .then([](const batch_ticket&) {},
        [each](const caf::error& wrong) {
          for (auto& promise : *each)
            promise->set(failed(wrong));
        });
  });
  return out;
}

task_result batch_client::task_future::get() {
  using namespace std::chrono_literals;
  if (current && inner_.wait_for(0s) != std::future_status::ready)
    static_cast<void>(client_->await_batch(batch_).get());
  return inner_.get();
}

std::future<result<batch_view>> batch_client::await_batch(std::string id) {
  auto promise = view_promise();
  auto out = promise->future();
  within(gate_,
    [promise, to = batches_, q = all_of(std::move(id))](gate_actor::pointer self) { await(self, to, q, promise); });
  return out;
}

std::future<result<batch_view>> batch_client::execute_batch(
  std::vector<blocking_call> calls, std::string name, const options& how) {
  auto promise = view_promise();
  auto out = promise->future();
  auto shared = std::make_shared<batch_enqueue>();
  shared->id = name;
  for (auto& c : calls)
    shared->tasks.push_back(task_of(std::move(c)));
  shared->strict = how.strict;
  shared->remaining_us = how.timeout.count();
  shared->progress = how.progress;
  shared->parent = current;
  within(gate_, [promise, shared, to = batches_, q = all_of(std::move(name))](gate_actor::pointer self) {
    self->request(to, by_its_deadline, std::move(*shared))
      .then([self, to, q, promise](const batch_ticket&) { await(self, to, q, promise); },
        [promise](const caf::error& wrong) { promise->set(failure(wrong)); });
  });
  return out;
}

std::future<result<batch_view>> batch_client::cancel(std::string id) {
  auto promise = view_promise();
  auto out = promise->future();
  within(gate_, [promise, to = batches_, c = batch_cancel{std::move(id)}](gate_actor::pointer self) {
    self->request(to, by_its_deadline, c)
      .then([promise](batch_view& v) { promise->set(std::move(v)); },
        [promise](const caf::error& wrong) { promise->set(failure(wrong)); });
  });
  return out;
}

std::future<std::int64_t> batch_client::pending_count() {
  auto promise = std::make_shared<kept_promise<std::int64_t>>(0);
  auto out = promise->future();
  within(gate_, [promise, to = batches_](gate_actor::pointer self) {
    self->request(to, by_its_deadline, pending_atom::value)
      .then([promise](std::int64_t n) { promise->set(n); }, [promise](const caf::error&) { promise->set(0); });
  });
  return out;
}

} // namespace troupe
