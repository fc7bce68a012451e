// The bindings of one actor: typed handles to other services under the names that its configuration gives them. Whoever
// holds one supervises the sessions behind it: a session that dies leaves its binding's slot empty until the circuit
// lets the next one live, and meanwhile a call costs a look and no message.
//
// Invariants: every call's callback is called exactly once, inside the actor, at the latest when the call's time is
// over; never after cancel() or forget(). The actor hands its DOWN messages to `down` and its ticks to `tick`, and
// calls `cancel` at its end. What it had under way is given back to the binding, however it ends.
#pragma once

#include "actors/binding/binding_book.hpp"
#include "actors/timer/deadlines.hpp"
#include "actors/timer/timer.hpp"
#include "messages/service.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

/// One binding as it is wired: what is bound, and by which front it is reached.
struct bound_service {
  binding_settings settings;
  service_front_actor front;
  std::shared_ptr<shared_binding> shared;
};

/// `Self` is the actor's own pointer type.
template <class Self>
class bindings {
public:
  using time = binding_book::time;
  template <class Answer>
  using callback = std::function<void(Answer&&)>;

  bindings(Self self, const std::vector<bound_service>& bound, std::shared_ptr<spdlog::logger> log, std::uint64_t seed)
      : self_{self}, log_{std::move(log)} {
    slots_.reserve(bound.size());
    for (const auto& b : bound)
      slots_.push_back({{b.settings, b.shared, seed + slots_.size()}, b.front, {}});
  }

  bindings(const bindings&) = delete;
  bindings& operator=(const bindings&) = delete;
  ~bindings() {
    for (const auto& [id, call] : open_)
      slots_[call.slot].book.abandoned(call.ticket, ec::cancelled);
  }

  /// Calls what is bound under `name`, in the HTTP-shaped form. The answer carries `x-service-binding-time` (S2-62), in
  /// milliseconds. not_found: nothing is bound under that name. A refusal says in Retry-After when to come back.
  /// Returns what forget() knows the call by; 0: it has ended already.
  std::uint64_t call(std::string_view name, service_request what, callback<service_response> done) {
    return start<service_response>(name, std::move(what), std::move(done));
  }

  /// The same in the typed form.
  std::uint64_t call(std::string_view name, service_call what, callback<service_result> done) {
    return start<service_result>(name, std::move(what), std::move(done));
  }

  /// Nobody waits for that call any more: its callback is not called, and the other side is told. Nothing if it ended.
  void forget(std::uint64_t id) {
    const auto ended = close(id);
    if (!ended)
      return;
    auto& s = slots_[ended->slot];
    s.book.abandoned(ended->ticket, ec::cancelled);
    if (s.life)
      self_->send(s.life, service_cancel{id});
  }

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != slots_.size(); }

  /// The books, for health and metrics.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& s : slots_)
      visit(s.book);
  }

  /// An actor died. False: it was none of ours.
  bool down(const caf::down_msg& dead) {
    const auto it = std::find_if(
      slots_.begin(), slots_.end(), [&](const slot& s) { return s.life && s.life.address() == dead.source; });
    if (it == slots_.end())
      return false;
    lose(*it, from_caf(dead.reason).message);
    return true;
  }

  /// The actor's tick.
  void tick() {
    const auto now = self_->clock().now();
    if (!tick_.rang(now))
      return;
    expire(now);
    wake_at(self_, tick_, due_.next());
  }

  /// Answers whatever is open with ec::cancelled.
  void cancel() {
    auto all = std::exchange(open_, {});
    due_ = {};
    for (auto& [id, call] : all) {
      slots_[call.slot].book.abandoned(call.ticket, ec::cancelled);
      call.fail({ec::cancelled, "shutting down"});
    }
  }

private:
  void expire(time now) {
    for (const auto id : due_.take_due(now)) {
      const auto gone = open_.extract(id);
      if (gone.empty())
        continue;
      auto& call = gone.mapped();
      auto& s = slots_[call.slot];
      if (s.life)
        self_->send(s.life, service_cancel{id});
      const auto took = since(call, now);
      report(s, took, "no answer in time");
      if (s.book.silent(call.ticket, now, took))
        lose(s, "no answer, again and again");
      call.fail({ec::deadline_exceeded, s.book.settings().name + ": no answer in time"});
    }
  }

  struct slot {
    binding_book book;
    service_front_actor front;
    service_actor life; // empty: none was opened, or the circuit is open
    bool opening = false;
    std::uint64_t openings = 0;   // which of them is awaited
    std::uint64_t generation = 0; // of the circuit, when the session was opened or last called
  };
  struct open_call {
    std::size_t slot = 0;
    binding_book::ticket ticket;
    time since;
    std::function<void(error)> fail;
    std::function<void(const service_actor&)> send = {}; // of one that waits for the session
  };

  [[nodiscard]] std::size_t find(std::string_view name) const {
    const auto it =
      std::find_if(slots_.begin(), slots_.end(), [&](const slot& s) { return s.book.settings().name == name; });
    return static_cast<std::size_t>(it - slots_.begin());
  }

  static std::chrono::microseconds since(const open_call& c, time now) {
    return std::chrono::duration_cast<std::chrono::microseconds>(now - c.since);
  }

  static void say_when(service_response& r, std::chrono::nanoseconds wait) {
    if (const auto status = info(r.code).http_status; status == 503 || status == 429)
      set_retry_after(r, wait);
  }
  static void say_when(service_result&, std::chrono::nanoseconds) {}

  // Of an answer that came through several bindings this one's, which holds the others.
  static void stamp(service_response& r, std::chrono::microseconds took) {
    std::erase_if(r.headers, [](const auto& h) { return h.first == "x-service-binding-time"; });
    r.headers.emplace_back("x-service-binding-time", milliseconds(took));
  }
  static void stamp(service_result&, std::chrono::microseconds) {}

  void report(const slot& s, std::chrono::microseconds took, std::string_view failure) const {
    const auto& name = s.book.settings().name;
    if (!failure.empty())
      log_->warn("Service binding {}: failed after {}ms: {}", name, milliseconds(took), failure);
    else if (log_->should_log(spdlog::level::debug))
      log_->debug("Service binding {}: {}ms", name, milliseconds(took));
  }

  template <class Answer, class Message>
  std::uint64_t start(std::string_view name, Message what, callback<Answer> done) {
    const auto place = find(name);
    if (place == slots_.size()) {
      done(refused<Answer>({ec::not_found, "no service is bound as " + std::string{name}}));
      return 0;
    }
    auto& s = slots_[place];
    const auto now = self_->clock().now();
    auto leave = s.book.admit(now, std::chrono::microseconds{what.head.remaining_us});
    if (!leave) {
      auto no = refused<Answer>(leave.error());
      say_when(no, s.book.retry_after(now));
      done(std::move(no));
      return 0;
    }
    const auto& ticket = leave.value();
    if (s.life && s.generation != ticket.generation)
      retire(s);
    s.generation = ticket.generation;
    if (!s.life && !s.opening)
      open(place);
    const auto id = ++last_;
    what.head.id = id;
    what.head.remaining_us = ticket.remaining.count();
    what.head.probe = ticket.probe;
    what.head.hurried = ticket.hurried;
    const auto to = std::make_shared<callback<Answer>>(std::move(done));
    const auto [it, added] =
      open_.emplace(id, open_call{place, ticket, now, [to](error e) { (*to)(refused<Answer>(std::move(e))); }});
    due_.add(ticket.until, id);
    wake_at(self_, tick_, due_.next());
    if (s.life) {
      send<Answer>(s.life, id, std::move(what), to);
      return id;
    }
    it->second.send = [this, id, to, shared = std::make_shared<Message>(std::move(what))](
                        const service_actor& life) { send<Answer>(life, id, std::move(*shared), to); };
    return id;
  }

  template <class Answer, class Message>
  void send(const service_actor& life, std::uint64_t id, Message what, const std::shared_ptr<callback<Answer>>& to) {
    // No time-out of CAF's: the book above keeps the deadline, also of a node that was killed, of which no error comes.
    self_->request(life, by_its_deadline, std::move(what))
      .then(
        [this, id, to](Answer& a) {
          const auto ended = close(id);
          if (!ended)
            return;
          auto& s = slots_[ended->slot];
          const auto now = self_->clock().now();
          const auto took = since(*ended, now);
          if (auto fault = fault_of(a); fault.code != ec::none) {
            report(s, took, fault.message);
            fault.message = s.book.settings().name + ": " + fault.message;
            if (s.book.malformed(ended->ticket, now, took))
              lose(s, fault.message);
            return (*to)(refused<Answer>(std::move(fault)));
          }
          const auto verdict = verdict_of(a);
          report(s, took, info(verdict).trips_circuit ? failure_of(a) : std::string{});
          s.book.answered(ended->ticket, now, took, verdict);
          stamp(a, took);
          (*to)(std::move(a));
        },
        [this, id](const caf::error& e) {
          if (const auto ended = close(id)) {
            auto why = from_caf(e);
            slots_[ended->slot].book.abandoned(ended->ticket, ec::circuit_tripped);
            if (why.code == ec::cancelled)
              why = {ec::circuit_tripped, slots_[ended->slot].book.settings().name + ": the session went down"};
            ended->fail(std::move(why));
          }
        });
  }

  static std::string failure_of(const service_response& r) {
    return r.code == ec::none ? fmt::format("status {}", r.status) : r.detail;
  }
  static std::string failure_of(const service_result& r) { return r.detail; }

  std::optional<open_call> close(std::uint64_t id) {
    auto node = open_.extract(id);
    if (node.empty())
      return std::nullopt;
    due_.remove(node.mapped().ticket.until, id);
    return std::move(node.mapped());
  }

  void open(std::size_t place) {
    auto& s = slots_[place];
    s.book.opened();
    s.opening = true;
    const auto opening = ++s.openings;
    const auto& b = s.book.settings();
    self_->request(s.front, by_its_deadline, service_open{b.caller, b.name, b.entrypoint, b.failures})
      .then(
        [this, place, opening](const service_actor& life) {
          auto& mine = slots_[place];
          if (!mine.opening || mine.openings != opening)
            return self_->send_exit(life, caf::exit_reason::user_shutdown); // too late: given up
          mine.opening = false;
          mine.life = life;
          self_->monitor(life);
          for (auto& [id, call] : open_)
            if (call.slot == place && call.send)
              std::exchange(call.send, nullptr)(life);
        },
        [this, place, opening](const caf::error& e) {
          auto& mine = slots_[place];
          if (mine.opening && mine.openings == opening)
            lose(mine, from_caf(e).message);
        });
  }

  [[nodiscard]] std::vector<std::uint64_t> open_calls_of(const slot& s) const {
    const auto place = static_cast<std::size_t>(&s - slots_.data());
    std::vector<std::uint64_t> out;
    for (const auto& [id, call] : open_)
      if (call.slot == place)
        out.push_back(id);
    return out;
  }

  // The circuit has opened since this session was called, because another holder's died: what it has counted is of that
  // time, and the next one begins anew. Not while somebody waits for it.
  void retire(slot& s) {
    if (!open_calls_of(s).empty())
      return;
    const auto life = std::exchange(s.life, nullptr);
    self_->demonitor(life.address());
    self_->send_exit(life, caf::exit_reason::user_shutdown);
  }

  // The session is gone, or given up: its slot empties, and whoever waits for it is told.
  void lose(slot& s, const std::string& why) {
    if (const auto life = std::exchange(s.life, nullptr)) {
      self_->demonitor(life.address());
      self_->send_exit(life, make_error(ec::circuit_tripped));
    }
    s.opening = false;
    if (s.book.died(s.generation, self_->clock().now()))
      log_->warn("Circuit of binding {} opened: {}", s.book.settings().name, why);
    for (const auto id : open_calls_of(s))
      if (const auto ended = close(id)) {
        s.book.abandoned(ended->ticket, ec::circuit_tripped);
        ended->fail({ec::circuit_tripped, s.book.settings().name + ": " + why});
      }
  }

  Self self_;
  std::shared_ptr<spdlog::logger> log_;
  std::vector<slot> slots_; // few: searched by name
  std::unordered_map<std::uint64_t, open_call> open_;
  deadlines<std::uint64_t> due_;
  wake_up tick_;
  std::uint64_t last_ = 0;
};

} // namespace troupe
