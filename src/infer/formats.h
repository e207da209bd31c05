// The formats, each in its own file. Private: load_backend picks.
#pragma once

#include <exception>
#include <filesystem>
#include <memory>
#include <string>

#include "quorate/infer/backend.h"

namespace quorate {

// `content` is the whole file; `file` is what errors call it.
std::shared_ptr<Backend> load_torchscript(const std::filesystem::path& file, const std::string& content);
std::shared_ptr<Backend> load_aoti(const std::filesystem::path& file, const std::string& content, int concurrency);
std::shared_ptr<Backend> load_openvino(const std::filesystem::path& file, const std::string& content, int concurrency);

}  // namespace quorate
