#include "apps/replay/replay.hpp"

#include "apps/replay/replay_handler.hpp"

namespace troupe::replay {

result<std::unique_ptr<server>> server::start(const options& o) {
  if (o.manifest.empty() && o.catalogue.empty())
    return fail(ec::bad_request, "replay: expected a manifest or a catalogue, got neither");
  std::optional<manifest> recordings;
  if (!o.manifest.empty()) {
    auto loaded = manifest::load(o.manifest);
    if (!loaded)
      return loaded.error();
    recordings = std::move(loaded.value());
  }
  std::optional<catalogue> books;
  if (!o.catalogue.empty()) {
    auto loaded = catalogue::load(o.catalogue);
    if (!loaded)
      return loaded.error();
    books = std::move(loaded.value());
  }
  fault_table faults{o.seed};
  for (const auto& each : o.faults)
    faults.set(each);

  auto handler = std::make_unique<replay_handler>(std::move(recordings), std::move(books), std::move(faults));
  auto listener = http::server::start(o.address, o.port, o.threads, http::limits{}, *handler);
  if (!listener)
    return listener.error();
  return std::unique_ptr<server>{new server{std::move(handler), std::move(listener.value())}};
}

server::server(std::unique_ptr<replay_handler> handler, http::server listener)
    : handler_{std::move(handler)}, listener_{std::make_unique<http::server>(std::move(listener))},
      port_{listener_->port()} {}

server::~server() {
  stop();
}

std::uint16_t server::port() const noexcept {
  return port_;
}

void server::stop() {
  listener_.reset();
}

} // namespace troupe::replay
