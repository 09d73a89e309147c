/**
 * Turns off ONNX Runtime's telemetry; imported before onnxruntime-node, which reads the variable when its library is loaded. On Linux it
 * matches regular expressions against the whole command line (/proc/self/cmdline) with std::regex, which recurses for every character: some
 * 30 kB of arguments overflow the stack and kill the process. And what is screened here is nobody else's business.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';
