"""The engine lora: LoRA fine-tuning of an open-weight model on this machine. An optional extra.

engine    the engine: what the server sees
recipe    what "auto" becomes, with sources
template  a model's chat template: conversations in tokens, and which are learnt
weights   loading models: device, precision, whether they fit
task      what the server tells the process that trains
process   the server's side of that process
trainer   the process itself
watch     what it says while it trains; checkpoints
chat      replies by transformers, in batches over one base model
sampling  which token comes next
speech    from tokens to text
vllm      replies by a vLLM server
export    a model for use elsewhere

torch, transformers, peft and trl are imported inside functions, by name: the package can be read
by people, tests and type checkers where they are not installed.
"""
