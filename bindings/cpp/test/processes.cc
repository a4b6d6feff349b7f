// The server, the way to it, and other devices.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "support.h"

extern char **environ;

namespace {

// The line that nimd prints when it is ready, and the answer to a minted token.
struct Answer {
  std::string link, admin, admin_key, app_key, token;
};

bool ReadMember(nim::JsonReader &r, std::string_view key, Answer &v) {
  if (key == "link") return r.Read(v.link), true;
  if (key == "admin") return r.Read(v.admin), true;
  if (key == "admin_key") return r.Read(v.admin_key), true;
  if (key == "app_key") return r.Read(v.app_key), true;
  if (key == "token") return r.Read(v.token), true;
  return false;
}

// Starts a program whose standard output, and with in its standard input, are pipes.
int Spawn(const std::vector<std::string> &arguments, int *in, int *out, const std::string &log = std::string()) {
  int to[2], from[2];
  if (pipe(to) != 0 || pipe(from) != 0) throw Failure("pipe");
  std::vector<char *> argv;
  for (const auto &a : arguments) argv.push_back(const_cast<char *>(a.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], 0);
  posix_spawn_file_actions_adddup2(&actions, from[1], 1);
  if (!log.empty()) posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  for (const int fd : {to[0], to[1], from[0], from[1]}) posix_spawn_file_actions_addclose(&actions, fd);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]), close(from[1]);
  if (failed != 0) throw Failure("cannot start " + arguments[0]);
  *in = to[1], *out = from[0];
  return pid;
}

// Reads a line, waiting no longer than kDeadline for each byte.
std::string ReadLine(int fd) {
  std::string line;
  for (;;) {
    pollfd p = {fd, POLLIN, 0};
    char c;
    if (poll(&p, 1, static_cast<int>(std::chrono::milliseconds(kDeadline).count())) <= 0) throw Failure("nothing to read");
    if (read(fd, &c, 1) != 1) throw Failure("the other process has ended after: " + line);
    if (c == '\n') return line;
    line += c;
  }
}

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

std::string Quoted(const std::string &s) { return '"' + s + '"'; }

std::string Self() { return "/proc/self/exe"; }

}  // namespace

Nimd::Nimd(const std::string &binary) {
  int in, out;
  pid_ = Spawn({binary, "--listen", "127.0.0.1:0", "--data", data_.path(), "--dev"}, &in, &out, data_.path() + "/log");
  close(in);
  const auto ready = nim::detail::FromJson<Answer>(ReadLine(out).c_str());
  link_ = ready.link, admin_ = ready.admin, admin_key_ = ready.admin_key, app_key_ = ready.app_key;
  port_ = std::stoi(link_.substr(link_.find_last_of(':') + 1));
  if (app_key_.empty()) throw Failure("nimd did not get ready");
}

Nimd::~Nimd() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

std::string Nimd::Admin(const std::string &method, const std::string &path, const std::string &body) {
  const int fd = Connect(port_);
  const std::string request = method + " /v1" + path + " HTTP/1.0\r\nAuthorization: Bearer " + admin_key_ + "\r\nContent-Type: application/json\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string answer;
  if (fd < 0 || write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) throw Failure("admin: no connection");
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<std::size_t>(n));
  close(fd);
  if (answer.find(" 200 ") != 8) throw Failure("admin " + path + ": " + answer);
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

void Nimd::SetToken(const std::string &account, const std::string &token) {
  Admin("POST", "/accounts", "{\"account\":" + Quoted(account) + ",\"token\":" + Quoted(token) + "}");
}

std::string Nimd::Mint(const std::string &kind, const std::string &account, int seconds) {
  const auto answer = Admin("POST", "/tokens", "{\"kind\":" + Quoted(kind) + ",\"account\":" + Quoted(account) + ",\"ttl_s\":" + std::to_string(seconds) + "}");
  return nim::detail::FromJson<Answer>(answer.c_str()).token;
}

std::string Nimd::NewAccount() {
  const std::string name = "cpp-" + std::to_string(getpid()) + "-" + std::to_string(++accounts_);
  SetToken(name, "secret");
  return name;
}

Path::Path(int port) : port_(port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(listener_, 16) != 0) throw Failure("listen");
  getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size);
  listen_port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

Path::~Path() {
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  close(listener_);
  SetClosed(true);
  for (auto &t : threads_) t.join();
  for (const int fd : open_) close(fd);
}

void Path::SetClosed(bool closed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = closed;
  if (!closed) return;
  for (const int fd : open_) shutdown(fd, SHUT_RDWR);
}

void Path::Accept() {
  for (int near; (near = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    const int far = Connect(port_);
    const std::lock_guard<std::mutex> lock(mutex_);
    open_.insert(near);
    if (far >= 0) open_.insert(far);
    if (closed_ || far < 0) {
      shutdown(near, SHUT_RDWR);
      continue;
    }
    threads_.emplace_back([this, near, far] { Forward(near, far); });
    threads_.emplace_back([this, near, far] { Forward(far, near); });
  }
}

void Path::Forward(int from, int to) {
  char buffer[4096];
  ssize_t n;
  while ((n = read(from, buffer, sizeof buffer)) > 0 && send(to, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL) == n) continue;
  shutdown(from, SHUT_RDWR);
  shutdown(to, SHUT_RDWR);
}

Device::Device(const std::string &account, const std::string &token, nim::NIMClientType kind) {
  pid_ = Spawn({Self(), "device", Server().link(), Server().app_key(), account, token, data_.path(), std::to_string(kind)}, &in_, &out_);
  id_ = WaitFor("online ").substr(7);
}

Device::~Device() {
  if (in_ >= 0) close(in_);
  close(out_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

std::string Device::WaitFor(const std::string &begin) {
  for (;;) {
    const std::string line = ReadLine(out_);
    if (line.compare(0, begin.size(), begin) == 0) return line;
  }
}

void Device::Close() {
  close(in_);
  in_ = -1;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  CHECK_EQ(status, 0);
}

int RunDevice(int argc, char **argv) {
  if (argc != 8) return 2;
  nim::SDKConfig config;
  config.default_link_address_ = argv[2];
  config.nimx_.report_mac = false;
  config.nimx_.client_type = std::stoi(argv[7]);
  const auto say = [](const std::string &line) { std::printf("%s\n", line.c_str()), std::fflush(stdout); };
  nim::Client::RegKickoutCb([&](const nim::KickoutRes &r) { say("kicked " + std::to_string(r.kick_reason_)); });
  nim::Talk::RegReceiveCb([&](const nim::IMMessage &m) {
    say("message " + m.content_);
    nim::Talk::SendMsg(nim::Talk::CreateTextMessage(m.sender_accid_, m.session_type_, "", "re: " + m.content_));
  });
  if (!nim::Client::Init(argv[3], argv[6], "", config)) return 3;
  nim::Client::Login("", argv[4], argv[5], [&](const nim::LoginRes &r) {
    if (r.IsSuccess()) say("online " + nim::Client::GetLoginUser().device_id);
    else if (r.IsFinal()) say("failed " + std::to_string(r.res_code_));
  });
  while (std::getchar() != EOF) continue;
  Mailbox<nim::NIMResCode> done;
  nim::Client::Logout(nim::kNIMLogoutAppExit, [&](nim::NIMResCode code) { done.Put(code); });
  done.Next("logout");
  nim::Client::Cleanup();
  return 0;
}

int RunSelf(const std::vector<std::string> &arguments, std::chrono::milliseconds limit) {
  std::vector<std::string> all = {Self()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  int in, out, status = 0;
  const int pid = Spawn(all, &in, &out);
  close(in);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  pollfd p = {out, POLLIN, 0};
  char buffer[256];
  // The output ends when the process does.
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0 || poll(&p, 1, static_cast<int>(left)) <= 0) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
      close(out);
      return -1;
    }
    if (read(out, buffer, sizeof buffer) <= 0) break;
  }
  close(out);
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
