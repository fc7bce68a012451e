// One Troupe node: every actor, wired by hand, and the bridge in front of them. Start it, then drain it.
#pragma once

#include "apps/config/config.hpp"
#include "apps/config/secrets.hpp"
#include "messages/result.hpp"

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

struct node_options {
  config::settings settings;
  config::secrets secrets;
  std::string version;
  std::shared_ptr<spdlog::logger> log;
};

class batch_client;

class node {
public:
  /// Opens the database, starts the actors, listens. Errors are one line each.
  [[nodiscard]] static result<std::unique_ptr<node>> start(node_options options);

  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// The port that the bridge listens on.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Reads certificate, key and API keys again, and opens the access log anew. What is broken is logged, and what was
  /// there before stays. Not concurrently with drain().
  void reload();

  /// Batches for code in this process (apps/batches/client.hpp); there until drain().
  [[nodiscard]] batch_client& batches() noexcept;

  /// Stops accepting, finishes what is in flight within `deadline`, writes what waits for the database, ends the
  /// actors. False: something was still in flight. A second call does nothing.
  bool drain(std::chrono::milliseconds deadline);

private:
  struct parts;
  explicit node(std::unique_ptr<parts> p);

  std::unique_ptr<parts> parts_;
};

} // namespace troupe
