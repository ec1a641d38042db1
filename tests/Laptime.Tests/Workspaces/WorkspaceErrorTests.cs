using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

/// <summary>
/// One row is one mistake: the file with a ‸ where the problem must point to, what the message says, and what the mend says.
/// </summary>
public sealed class WorkspaceErrorTests
{
    private const string Head = "name: shop\ncomponents:\n  app:\n    path: app\n    run: { command: ./serve, port: 8080 }\n";

    /// <summary>Rows about one component's key: put inside `app`, which has a port.</summary>
    public static TheoryData<string, string, string> InComponent => new()
    {
        // unknown keys and the nearest valid name
        { "‸pth: app", "unknown key `pth` in component `app`", "did you mean `path`?" },
        { "‸input: a", "unknown key `input`", "did you mean `inputs`?" },
        { "‸Inputs: a", "unknown key `Inputs`", "did you mean `inputs`?" },
        { "‸usse: []", "unknown key `usse`", "did you mean `uses`?" },
        { "‸probe: {}", "unknown key `probe`", "did you mean `probes`?" },
        { "‸zzzzzz: {}", "unknown key `zzzzzz`", "valid: path, inputs, uses, needs, reconcile, vars, build, run, migrate, probes" },
        { "build: { ‸step: [] }", "unknown key `step` in `build`", "did you mean `steps`?" },
        { "build: { ‸output: [] }", "unknown key `output`", "did you mean `outputs`?" },
        { "build: { steps: [ { name: a, run: b, ‸knd: compile } ] }", "unknown key `knd` in a step", "did you mean `kind`?" },
        { "build: { steps: [ { name: a, run: b, ‸time-out: 3s } ] }", "unknown key `time-out`", "did you mean `timeout`?" },
        { "build: { steps: [ { name: a, run: b } ], image: { ‸file: Dockerfile } }", "unknown key `file` in `image`", "" },
        { "probes: { ‸redy: { http: / } }", "unknown key `redy` in `probes`", "did you mean `ready`?" },
        { "probes: { ‸liveness: { http: / } }", "unknown key `liveness`", "" },
        { "probes: { ready: { http: /, ‸stauts: 200 } }", "unknown key `stauts` in `ready`", "did you mean `status`?" },
        { "‸<<: { path: app }", "unknown key `<<`", "merge keys are not supported" },

        // kinds
        { "build: ‸make", "`build` must be a mapping, not `make`", "its keys: steps, outputs, image" },
        { "build: ‸[a]", "`build` must be a mapping, not a list", "" },
        { "‸build:", "`build` must be a mapping, not nothing", "" },
        { "probes: ‸[]", "`probes` must be a mapping, not a list", "" },
        { "probes: { ready: ‸/health }", "`ready` must be a mapping, not `/health`", "its keys: http, tcp, run, file" },
        { "probes: { ‸ready: }", "`ready` must be a mapping, not nothing", "" },
        { "inputs: ‸{ a: b }", "`inputs` must be a glob pattern, not a mapping", "" },
        { "inputs: [ ‸[a] ]", "`inputs` must be a glob pattern, not a list", "" },
        { "‸inputs:", "`inputs` has no value", "for example `inputs: [\"**\"" },
        { "inputs: [ a, ‸~ ]", "`inputs` has no value", "" },
        { "inputs: [ a, ‸null ]", "`inputs` has no value", "" },
        { "inputs: [ ‸\"\" ]", "`inputs` is empty", "" },
        { "inputs: [ a, b, ‸a ]", "`a` is twice in `inputs`", "remove one" },
        { "uses: ‸{}", "`uses` must be a name, not a mapping", "" },

        // numbers
        { "run: { command: x, port: ‸http }", "`port` must be a whole number from 1 to 65535, not `http`", "" },
        { "run: { command: x, port: ‸0 }", "`port` must be a whole number from 1 to 65535, not `0`", "" },
        { "run: { command: x, port: ‸65536 }", "not `65536`", "" },
        { "run: { command: x, port: ‸-1 }", "not `-1`", "" },
        { "run: { command: x, port: ‸99999999999999999999 }", "not `99999999999999999999`", "" },
        { "run: { command: x, port: ‸010 }", "`port: 010` starts with 0, which some readers of YAML take for octal", "write `10`, or `8` if octal was meant" },
        { "run: { command: x, port: ‸08080 }", "starts with 0", "write `8080`" },
        { "run: { command: x, port: ‸00 }", "starts with 0", "write `0`" },
        { "run: { command: x, port: ‸0x1F90 }", "not `0x1F90`", "write it in decimal: `port: 8080`" },
        { "run: { command: x, port: ‸0o17620 }", "not `0o17620`", "write it in decimal: `port: 8080`" },
        { "run: { command: x, port: ‸8_080 }", "not `8_080`", "write it in decimal: `port: 8080`" },
        { "run: { command: x, port: ‸8080.0 }", "not `8080.0`", "write it in decimal: `port: 8080`" },
        { "run: { command: x, port: ‸8e3 }", "not `8e3`", "write it in decimal: `port: 8000`" },
        { "run: { command: x, port: ‸\"8080\" }", "`port` must be a number, not a text", "write it without quotes: `port: 8080`" },
        { "run: { command: x, port: ‸8080:80 }", "not `8080:80`", "" },
        { "run: { command: x, ‸port: }", "`port` has no value", "for example `port: 8080`" },
        { "run: { command: x, port: ‸[8080] }", "not a list", "" },
        { "run: { command: x, port: ‸true }", "not `true`", "" },
        { "run: { command: x, replicas: ‸0 }", "`replicas` must be a whole number from 1 to 1000", "" },
        { "run: { command: x, port: 1, replicas: ‸1.5 }", "`replicas` must be a whole number", "" },
        { "probes: { ready: { http: /, status: ‸99 } }", "`status` must be a whole number from 100 to 599", "" },
        { "probes: { ready: { http: /, status: ‸2xx } }", "not `2xx`", "" },
        { "probes: { ready: { http: /, successes: ‸0 } }", "`successes` must be", "" },

        // durations
        { "run: { command: x, stop-grace: ‸30 }", "`stop-grace: 30` has no unit", "did you mean `30s`?" },
        { "run: { command: x, drain: ‸0.5 }", "`drain: 0.5` has no unit", "did you mean `0.5s`?" },
        { "run: { command: x, drain: ‸soon }", "`drain` must be a duration from 0s to 24h, not `soon`", "a number and its unit" },
        { "run: { command: x, drain: ‸30 sec }", "not `30 sec`", "" },
        { "run: { command: x, drain: ‸25h }", "`drain` must be a duration from 0s to 24h, not `25h`", "" },
        { "run: { command: x, drain: ‸-1s }", "not `-1s`", "" },
        { "run: { command: x, ‸drain: }", "`drain` has no value", "for example `drain: 15s`" },
        { "probes: { ready: { http: /, timeout: ‸0s } }", "`timeout` must be a duration from 1ms to 24h", "" },
        { "probes: { ready: { http: /, timeout: ‸30 } }", "has no unit", "did you mean `30s`?" },
        { "probes: { ready: { http: /, poll: ‸100 } }", "has no unit", "did you mean `100s`?" },
        { "build: { steps: [ { name: a, run: b, timeout: ‸10 } ] }", "`timeout: 10` has no unit", "did you mean `10s`?" },
        { "build: { steps: [ { name: a, run: b, timeout: ‸99999999999999999999s } ] }", "`timeout` must be a duration", "" },

        // choices
        { "build: { steps: [ { name: a, run: b, kind: ‸compil } ] }", "`kind` cannot be `compil`", "did you mean `compile`?" },
        { "build: { steps: [ { name: a, run: b, kind: ‸Compile } ] }", "`kind` cannot be `Compile`", "did you mean `compile`?" },
        { "build: { steps: [ { name: a, run: b, kind: ‸zzz } ] }", "`kind` cannot be `zzz`", "valid: install, compile, validate, package, other" },
        { "build: { steps: [ { name: a, run: b, loops: ‸save } ] }", "`loops` cannot be `save`", "did you mean `safe`?" },
        { "build: { steps: [ { name: a, run: b, loops: [ fast, ‸slow ] } ] }", "`loops` cannot be `slow`", "" },
        { "build: { steps: [ { name: a, run: b, loops: ‸[] } ] }", "`loops` is empty: the step would never run", "" },

        // steps and commands
        { "build: { steps: [ ‸{ run: b } ] }", "a step has no `name`", "add `name: compile`" },
        { "build: { steps: [ ‸{ name: a } ] }", "a step has no `run`", "add `run:" },
        { "build: { steps: [ { name: a, ‸run: } ] }", "`run` has no value", "" },
        { "build: { steps: [ { ‸name: , run: b } ] }", "`name` has no value", "" },
        { "build: { steps: [ { name: a, run: ‸\"  \" } ] }", "`run` is empty", "" },
        { "build: { steps: [ { name: a, run: ‸[] } ] }", "`run` is an empty list", "" },
        { "build: { steps: [ { name: a, run: [ ‸\"\", x ] } ] }", "`run` is empty", "" },
        { "build: { steps: [ { name: a, run: [ x, ‸null ] } ] }", "`run` has no value", "write a value, or \"\"" },
        { "build: { steps: [ { name: a, run: [ x, ‸{} ] } ] }", "not a mapping", "" },
        { "build: { steps: [ { name: a, run: ‸{ x: y } } ] }", "`run` must be a shell command, or a list", "" },
        { "build: { steps: [ ‸make ] }", "a step must be a mapping, not `make`", "" },
        { "build: { steps: [ { name: ‸a b, run: c } ] }", "`a b` is not a valid name", "`a-b`" },
        { "build: { steps: [ { name: ‸-a, run: c } ] }", "`-a` is not a valid name", "`a`" },
        { "build: { steps: [ { name: ‸ä, run: c } ] }", "`ä` is not a valid name", "" },
        { "build: { steps: [ { name: a, run: b }, ‸{ name: a, run: c } ] }", "step `a` is there twice", "" },
        { "build: { steps: [ { name: a, run: b, env: ‸[A] } ] }", "`env` must be a mapping", "for example `env: { CI: \"1\" }`" },
        { "build: { steps: [ { name: a, run: b, env: { ‸A: } } ] }", "`A` has no value", "\"\" for an empty text" },
        { "build: { steps: [ { name: a, run: b, env: { A: ‸[] } } ] }", "`A` must be text, not a list", "" },
        { "build: { steps: [ { name: a, run: b, env: { ‸1A: x } } ] }", "`1A` is not a name of an environment variable", "" },
        { "build: { steps: [ { name: a, run: b, env: { ‸A-B: x } } ] }", "`A-B` is not a name of an environment variable", "" },
        { "run: { command: x, env: { ‸LAPTIME_REVISION: x } }", "set by lap", "" },
        { "vars: [ ‸a-b ]", "`a-b` is not a name of an environment variable", "" },
        { "‸run: { port: 8080 }", "`run` has no `command`", "" },
        { "‸run:", "`run` has no value", "for example `run: { command: " },
        { "run: ‸\"\"", "`run` is empty", "" },

        // paths
        { "inputs: ‸/etc/**", "`inputs` is absolute: `/etc/**`", "write it relative" },
        { "inputs: ‸C:/x", "is absolute", "" },
        { "inputs: ‸~/x", "`~`, which is not expanded", "" },
        { "inputs: ‸a\\b", "has a backslash", "`a/b`" },
        { "inputs: ‸../../**", "leaves the workspace's folder", "keep it inside the workspace" },
        { "inputs: [ ‸\"!../../**\" ]", "leaves the workspace's folder", "" },
        { "inputs: ‸a/../../../b", "leaves the workspace's folder", "" },
        { "inputs: ‸\"**/../../../x\"", "climbs with `..` behind a wildcard", "" },
        { "build: { outputs: ‸../out }", "must stay inside the component's folder", "" },
        { "build: { outputs: ‸/out }", "is absolute", "" },
        { "build: { ‸image: {} }", "the file `Dockerfile` does not exist", "" },
        { "build: { image: { dockerfile: ‸other } }", "the file `other` does not exist", "" },
        { "build: { steps: [ { name: a, run: b } ], image: { context: ‸../.. } }", "leaves the workspace's folder", "" },
        { "inputs: \"‸${x}/**\"", "`${…}` is not replaced in `inputs`", "" },

        // probes
        { "probes: { ‸ready: {} }", "`ready` does not say what to check", "add one of http, tcp, run, file" },
        { "probes: { ready: { http: /, ‸tcp: 80 } }", "`ready` has both `http` and `tcp`", "keep one" },
        { "probes: { smoke: [ { http: /, ‸run: x } ] }", "`smoke` has both `http` and `run`", "write two checks" },
        { "probes: { smoke: [ ‸{} ] }", "`smoke` does not say what to check", "" },
        { "probes: { ready: { http: ‸health } }", "`http` must be a path that starts with `/`, not `health`", "write `http: /health`" },
        { "probes: { ready: { http: ‸http://localhost:8080/h?x=1 } }", "`http` must be a path", "write `http: /h?x=1`" },
        { "probes: { ready: { http: ‸/a b } }", "has a space", "%20" },
        { "probes: { ready: { http: ‸/a#b } }", "has a `#`", "" },
        { "probes: { ready: { ‸http: } }", "`http` has no value", "" },
        { "probes: { ready: { tcp: 80, ‸status: 200 } }", "`status` does not go with `tcp`", "it goes with http" },
        { "probes: { ready: { tcp: 80, ‸contains: x } }", "`contains` does not go with `tcp`", "http, run, file" },
        { "probes: { ready: { run: x, ‸headers: {} } }", "`headers` does not go with `run`", "" },
        { "probes: { ready: { http: /, headers: { ‸\"a b\": x } } }", "not a name of an HTTP header", "" },
        { "probes: { ready: { tcp: ‸http } }", "`tcp` must be a whole number", "" },
        { "probes: { ready: { tcp: ‸70000 } }", "not `70000`", "" },
        { "probes: { ready: { file: ‸/etc/passwd } }", "inside the instance's directory", "" },
        { "probes: { ready: { file: ‸../x } }", "inside the instance's directory", "" },

        // templates, at their exact column
        { "build: { steps: [ { name: a, run: \"make ‸${porfile.x}\" } ] }", "unknown name `${porfile.x}`", "valid: workspace.name" },
        { "build: { steps: [ { name: a, run: \"make ‸${enviroment}\" } ] }", "unknown name", "did you mean `${environment}`?" },
        { "build: { steps: [ { name: a, run: \"make ‸${port}\" } ] }", "`${port}` has no value in a build step", "use it in `run` or `probes`" },
        { "build: { steps: [ { name: a, run: \"make ‸${revision}\" } ] }", "`${revision}` has no value in a build step", "" },
        { "build: { steps: [ { name: a, run: \"make ‸${transaction}\" } ] }", "`${transaction}` has no value in a build step", "" },
        { "build: { steps: [ { name: a, run: [ make, \"X=‸${port}\" ] } ] }", "in a build step", "" },
        { "build: { steps: [ { name: a, run: b, env: { A: 'q‸${port}' } } ] }", "in a build step", "" },
        { "build: { steps: [ { name: a, run: b, tool: \"t ‸${port}\" } ] }", "in a build step", "" },
        { "build: { steps: [ { name: a, run: \"x ‸${profile.c}\" } ] }", "no profile has the variable `c`", "add `profiles:" },
        { "run: \"a $${x} ‸${y}\"", "unknown name `${y}`", "" },
        { "run: \"a ‸${\"", "`${` without its `}`", "write `$${`" },
        { "run: \"a ‸${}\"", "`${}` names nothing", "" },
        { "run: \"a ‸${HOME:-x}\"", "unknown name `${HOME:-x}`", "for the shell's own variables write `$${" },
        { "run: \"a ‸${env.A-B}\"", "not a name of an environment variable", "" },
        { "run: \"a ‸${env.}\"", "not a name of an environment variable", "" },
        { "run: \"a ‸${components.nope.port}\"", "there is no component `nope`", "valid: app, lib" },
        { "run: \"a ‸${components.ap.port}\"", "there is no component `ap`", "did you mean `app`?" },
        { "run: \"a ‸${components.lib.port}\"", "component `lib` has no port", "" },
        { "run: \"a ‸${components.lib}\"", "unknown name", "" },
        { "run: \"a ‸${port}\"", "component `app` has no `run.port`", "" },
        { "run: >\n      first line\n      and ‸${nope} here", "unknown name `${nope}`", "" },
        { "run: |\n      first ${env.A}\n      second $${x}\n      third ‸${nope}", "unknown name `${nope}`", "" },
        { "run: 'it''s ‸${nope}'", "unknown name `${nope}`", "" },
        { "probes: { ready: { http: \"/‸${nope}\" } }", "unknown name `${nope}`", "" },
        { "probes: { reflect: { http: /, contains: \"‸${revison}\" } }", "unknown name", "did you mean `${revision}`?" },

        // references
        { "uses: [ ‸libb ]", "`uses` names `libb`, which is no component", "did you mean `lib`?" },
        { "needs: ‸other", "`needs` names `other`, which is no component", "valid: app, lib" },
        { "reconcile: ‸always", "`reconcile` cannot be `always`", "valid: none, rolling" },
        { "‸reconcile:", "`reconcile` has no value", "" },
        { "needs: lib\n    reconcile: { lib: ‸often }", "`lib` cannot be `often`", "valid: none, rolling" },
        { "reconcile: { ‸lib: rolling }", "`reconcile` names `lib`, which `app` neither `needs` nor `uses`", "add `needs: [lib]`" },
        { "needs: lib\n    reconcile: { ‸libb: rolling }", "`reconcile` names `libb`", "did you mean `lib`?" },
        { "uses: [ ‸app ]", "`uses` goes in a circle: app -> app", "a component cannot name itself" },
        { "needs: [ lib, ‸app ]", "`needs` goes in a circle: app -> app", "" },
    };

    [Theory]
    [MemberData(nameof(InComponent))]
    public void A_mistake_in_a_component_is_told_at_its_place(string keys, string what, string mend)
    {
        var own = keys.Split('\n')[0];
        var run = own.Contains("run:") && !own.Contains("steps:") && !own.Contains("probes:") ? "" : "    run: { command: ./serve, port: 8080 }\n";
        Check($"name: shop\ncomponents:\n  app:\n    path: app\n{run}    {keys}\n  lib: {{ path: lib }}\n", what, mend);
    }

    public static TheoryData<string, string, string> InFile => new()
    {
        { "‸", "the file is empty", "`lap init`" },
        { "‸# only a comment\n", "the file is empty", "" },
        { "‸---\n", "the file is empty", "" },
        { "‸[a]", "laptime.yaml must be a mapping, not a list", "" },
        { "‸shop", "laptime.yaml must be a mapping, not `shop`", "" },
        { "‸components: { a: { path: app } }", "laptime.yaml has no `name`", "add `name: shop`" },
        { "‸name: shop", "laptime.yaml has no `components`", "" },
        { "‸name:\ncomponents: { a: { path: app } }", "`name` has no value", "" },
        { "name: ‸~\ncomponents: { a: { path: app } }", "`name` has no value", "" },
        { "name: ‸my shop\ncomponents: { a: { path: app } }", "`my shop` is not a valid name", "`my-shop`" },
        { "name: ‸aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ncomponents: { a: { path: app } }", "too long: 68 characters, at most 63", "" },
        { "version: ‸2\nname: shop\ncomponents: { a: { path: app } }", "written for a newer lap: version 2", "update lap" },
        { "version: ‸'1'\nname: shop\ncomponents: { a: { path: app } }", "must be a number, not a text", "" },
        { "name: shop\ncomponents: ‸{}", "`components` is empty", "`lap init`" },
        { "name: shop\n‸components:", "`components` must be a mapping from names, not nothing", "" },
        { "name: shop\ncomponents: ‸[a]", "`components` must be a mapping from names, not a list", "" },
        { "name: shop\ncomponents:\n  ‸a:", "component `a` is empty", "path: src/a" },
        { "name: shop\ncomponents:\n  a: ‸x", "component `a` must be a mapping, not `x`", "" },
        { "name: shop\ncomponents:\n  ‸a b: { path: app }", "`a b` is not a valid component name", "" },
        { "name: shop\ncomponents:\n  ‸_a: { path: app }", "`_a` is not a valid component name", "" },
        { "name: shop\ncomponents:\n  a: { path: app }\n  ‸a: { path: lib }", "`a` is written twice: the first is in line 3", "keep one" },
        { "name: shop\n‸name: shop\ncomponents:\n  a: { path: app }", "`name` is written twice: the first is in line 1", "" },
        { "name: shop\ncomponents:\n  a: { path: app, ‸path: lib }", "`path` is written twice", "" },
        { "name: shop\ncomponents:\n  a: { path: ‸ap }", "the folder `ap` does not exist", "did you mean `app`?" },
        { "name: shop\ncomponents:\n  a: { path: ‸nothing/at/all }", "the folder `nothing/at/all` does not exist", "create it" },
        { "name: shop\ncomponents:\n  a: { path: ‸compose.yml }", "`path: compose.yml` is a file", "" },
        { "name: shop\ncomponents:\n  a: { path: ‸/etc }", "`path` is absolute", "" },
        { "name: shop\ncomponents:\n  a: { path: ‸.. }", "`path` leaves the workspace's folder", "inside a git repository" },
        { "name: shop\ncomponents:\n  a: { path: ‸app/../.. }", "`path` leaves the workspace's folder", "" },
        { "name: shop\ncomponents:\n  a: { path: ‸link }", "`path` leads out of the workspace's folder through a symbolic link", "" },
        { "name: shop\ncomponents:\n  a: { path: ‸'' }", "`path` is empty", "" },
        { "name: shop\ncomponents:\n  a: { path: app, run: { command: x, port: 80 } }\n  b: { path: lib, run: { command: y, port: ‸80 } }", "port 80 is taken: component `a` has it in line 3", "" },
        { "name: shop\ncomponents:\n  a: { path: app, uses: [b] }\n  b: { path: lib, uses: [‸a] }", "`uses` goes in a circle: a -> b -> a", "" },
        { "name: shop\ncomponents:\n  a: { path: app, needs: b }\n  b: { path: lib, needs: c }\n  c: { path: lib, needs: ‸b }", "`needs` goes in a circle: b -> c -> b", "" },
        { "name: shop\ncomponents:\n  a: { path: app, uses: b, reconcile: rolling }\n  b: { path: lib, needs: ‸a }", "`reconcile` goes in a circle: a -> b -> a", "" },
        { Head + "environments:\n  a: { timeouts: { ‸rolout: 3s } }", "unknown key `rolout` in `timeouts`", "did you mean `rollout`?" },
        { Head + "environments:\n  a: { timeouts: { poll: ‸3 } }", "`poll: 3` has no unit", "" },
        { Head + "‸environment: {}", "unknown key `environment` in laptime.yaml", "did you mean `environments`?" },
        { Head + "environments:\n  a: { target: ‸proces }", "`target` cannot be `proces`", "did you mean `process`?" },
        { Head + "environments:\n  a: { target: ‸k8s }", "`target` cannot be `k8s`", "valid: process, docker, swarm, kubernetes, command" },
        { Head + "environments:\n  a: { loop: ‸save }", "`loop` cannot be `save`", "did you mean `safe`?" },
        { Head + "environments:\n  a: { ‸tagret: swarm }", "unknown key `tagret` in environment `a`", "did you mean `target`?" },
        { Head + "environments:\n  a: { profile: ‸fats }\nprofiles: { fast: {} }", "there is no profile `fats`", "did you mean `fast`?" },
        { Head + "environments:\n  a: { profile: ‸fast }", "there is no profile `fast`", "there are none" },
        { Head + "environments:\n  a: { ‸profile: }", "`profile` has no value", "" },
        { Head + "environments:\n  ‸\"a/b\": {}", "is not a valid environment name", "" },
        { Head + "environments:\n  a: { stack: ‸compose.yaml }", "`compose.yaml` does not exist", "" },
        { Head + "environments:\n  a: { stack: ‸app }", "`stack: app` is a folder", "" },
        { Head + "environments:\n  a: { stack: [ ‸../x.yml ] }", "leaves the workspace's folder", "" },
        { Head + "environments:\n  ‸a: { target: kubernetes }", "environment `a` says nothing of its objects", "manifests" },
        { Head + "environments:\n  ‸a: { target: kubernetes, manifests: a.yaml, kustomize: app }", "environment `a` has several sources", "exactly one of" },
        { Head + "environments:\n  a: { target: swarm, ‸namespace: shop }", "`namespace` has no meaning with `target: swarm`", "target: kubernetes" },
        { Head + "environments:\n  a: { target: kubernetes, kustomize: ‸nowhere }", "`nowhere` does not exist", "" },
        { Head + "environments:\n  ‸a: { target: command }", "environment `a` has no `commands`", "observe" },
        { Head + "environments:\n  a: { ‸commands: { observe: x, rollout: y } }", "`commands` has no meaning with `target: process`", "target: command" },
        { Head + "environments:\n  a: { target: command, ‸commands: { observe: x } }", "`commands` has no `rollout`", "" },
        { Head + "environments:\n  a: { target: command, commands: { observe: x, rollout: y, ‸roll-back: z } }", "unknown key `roll-back` in `commands`", "did you mean `rollback`?" },
        { Head + "environments:\n  a: { infra: { ‸input: x } }", "unknown key `input` in `infra`", "did you mean `inputs`?" },
        { Head + "environments:\n  a: { infra: { bootstrap: [ ‸{} ] } }", "a bootstrap command has no `run`", "" },
        { Head + "environments:\n  a: { infra: { bootstrap: \"x ‸${component}\" } }", "`${component}` has no value here", "" },
        { Head + "environments:\n  a: { infra: { bootstrap: \"x ‸${port}\" } }", "`${port}` has no value here", "" },
        { Head + "environments: ‸[a]", "`environments` must be a mapping from names", "" },
        { Head + "profiles:\n  ‸a b: {}", "is not a valid profile name", "" },
        { Head + "profiles:\n  a: { ‸var: {} }", "unknown key `var` in profile `a`", "did you mean `vars`?" },
        { Head + "profiles:\n  a: { vars: ‸[x] }", "`vars` must be a mapping", "" },
        { Head + "profiles:\n  a: { vars: { ‸c: } }", "`c` has no value", "" },
        { Head + "profiles:\n  a: { vars: { c: \"‸${env.X}\" } }", "is not replaced in the profile variable `c`", "" },
        { Head + "profiles:\n  a: { vars: { ‸\"c d\": x } }", "not a valid profile variable", "" },
        { Head + "artifacts: { store: ‸s3://bucket }", "`artifacts.store` cannot be `s3://…`", "oci://" },
        { Head + "artifacts: { store: ‸a//../../b }", "`store`", "" },
        { Head + "journal: { store: ‸/var/lib }", "`store` is absolute", "" },
        { Head + "artifacts: ‸x", "`artifacts` must be a mapping", "" },
        { Head + "artifacts: { local-registry: ‸true }", "`store: .laptime/artifacts` is none", "oci://127.0.0.1:5000/NAME" },
        { Head + "artifacts: { insecure: ‸true }", "`insecure` is about registries, but `store: .laptime/artifacts` is a folder", "leave `insecure` out" },
        { Head + "artifacts: { store: other, timeout: ‸3s }", "`timeout` is about registries", "oci://HOST/NAME" },
        { Head + "artifacts: { store: oci://ghcr.io/me/shop, insecure: ‸1 }", "`insecure` must be `true` or `false`", "" },
        { Head + "artifacts: { store: oci://ghcr.io/me/shop, local-registry: ‸true }", "starts a registry on this machine", "leave `local-registry` out" },
        { Head + "artifacts: { store: oci://127.0.0.1/shop, local-registry: ‸true }", "starts a registry on this machine", "oci://127.0.0.1:5000" },
        { Head + "artifacts: { store: oci://127.0.0.1:5000/shop, local-registry: true, insecure: ‸false }", "speaks plain HTTP", "leave `insecure` out" },
        { Head + "artifacts: { store: oci://127.0.0.1:5000/shop, local-registry: ‸yes }", "`local-registry` must be `true` or `false`, not `yes`", "local-registry: true" },
        { Head + "journal: { store: ‸mysql://x }", "`journal.store` cannot be `mysql://…`", "postgres://" },
        { Head + "journal: { store: \"‸${env.NOT_SET}\" }", "the environment variable `NOT_SET` is not set", "" },
        { Head + "journal: { store: \"x‸${profile.a}\" }", "`${profile.a}` has no value here", "only `${env.NAME}`" },
        { Head + "journal: { ‸store: }", "`store` has no value", "" },
        { Head + "journal: { ‸stroe: x }", "unknown key `stroe`", "did you mean `store`?" },
        { Head + "trust:\n  - ‸source: a\n    builder: b", "a trust rule has no `key`", "" },
        { Head + "trust:\n  - { source: a, builder: b, key: k, max-age: ‸30 }", "has no unit", "did you mean `30s`?" },
        { Head + "trust:\n  - { source: a, builder: b, key: k, ‸max_age: 30d }", "unknown key `max_age`", "did you mean `max-age`?" },
        { Head + "trust:\n  - { source: a, builder: b, key: k, until: ‸2027-02-30 }", "`until` must be a day", "2027-06-30" },
        { Head + "trust:\n  - { source: a, builder: b, key: k, until: ‸30d }", "`until` must be a day", "2027-06-30" },
        { Head + "trust: ‸x", "a trust rule must be a mapping", "" },
        { Head + "ledgers:\n  ‸main: {}", "ledger `main` has no `path`", "" },
        { Head + "ledgers:\n  ‸main:", "ledger `main` must be a mapping", "" },
        { Head + "ledgers:\n  main: { path: ‸db/nope }", "`db/nope` does not exist", "" },
        { Head + "ledgers:\n  main: { path: app, tool: ‸flywy }", "`tool` cannot be `flywy`", "did you mean `flyway`?" },
        { Head + "ledgers:\n  main: { path: app, database: \"‸${nope}\" }", "unknown name `${nope}`", "" },
        { "name: shop\ncomponents:\n  a: { path: app, build: { steps: [ { name: s, run: \"x ‸${profile.c}\" } ] } }\nprofiles: { p: { vars: { c: 1 } }, q: {} }\nenvironments: { one: { profile: p }, two: { profile: q } }",
            "profile `q`, which environment `two` uses, has no variable `c`", "add `c` to the `vars` of `q`" },
        { "name: shop\ncomponents:\n  a: { path: app, build: { steps: [ { name: s, run: \"x ‸${profile.cc}\" } ] } }\nprofiles: { p: { vars: { c: 1, ccc: 2 } } }", "no profile has the variable `cc`", "did you mean" },
    };

    [Theory]
    [MemberData(nameof(InFile))]
    public void A_mistake_in_the_file_is_told_at_its_place(string text, string what, string mend) => Check(text, what, mend);

    public static TheoryData<string, string, string> InSyntax => new()
    {
        { "name: shop\ncomponents:\n‸\tapp: {}\n", "a tab is used for indentation", "indent with spaces" },
        { "name: ‸\"shop\ncomponents: {}\n", "quotes are opened here and not closed", "close the quotes" },
        { "name: ‸'shop\ncomponents: {}\n", "quotes are opened here and not closed", "" },
        { "name: shop‸: x", "a `:` is not expected here", "needs quotes" },
        { "name: ‸*shop\ncomponents: { a: { path: app } }", "`*shop`: aliases are not supported", "needs quotes" },
        { "name: ‸&n shop\ncomponents: { a: { path: app } }", "`&n`: anchors are not supported", "" },
        { "name: ‸!!str shop\ncomponents: { a: { path: app } }", "tags are not supported", "" },
        { "name: ‸!secret shop\ncomponents: { a: { path: app } }", "`!secret`: tags are not supported", "" },
        { "name: ‸@shop", "`@` cannot start a value", "put the text in quotes" },
        { "name: shop\ncomponents:\n  app:\n    path: app\n‸\tinputs: x\n", "a tab is used for indentation", "" },
        { "name: shop\ncomponents: ‸{ a: { path: app }\n", "this `{` is not closed", "write `}`" },
        { "name: shop\ncomponents:\n  a: { path: app, inputs: ‸[a, b }\n", "this `[` is not closed", "write `]`" },
        { "name: shop\ncomponents:\n  a:\n    inputs: ‸[a,\n    path: app\nprofiles: {}\n", "this `[` is not closed", "" },
        { "name: shop\ncomponents:\n  a: { path: app, run: x ‸${port} }\n", "a text with `${` inside `{ }` or `[ ]` needs quotes", "double quotes" },
        { "name: shop\ncomponents:\n  a: { path: app, inputs: [ ‸**/*.cs ] }\n", "aliases are not supported", "needs quotes" },
        { "name: shop\ncomponents:\n  a: { path: app, inputs: [ ‸!out/** ] }\n", "tags are not supported", "needs quotes" },
        { "name: shop\ncomponents:\n  a: { path: app, inputs: [ ‸*, b ] }\n", "`*` cannot start a value", "quotes" },
        { "name: shop\ncomponents\n  a‸: { path: app }\n", "a `:` is not expected here", "missing in the line above" },
        { "name: shop\ncomponents:\n   a: { path: app }\n  ‸b: { path: lib }\n", "this does not fit what is above it", "indentation" },
        { "name: ‸\"a\\q\"\n", "an escape that YAML does not know", "single quotes" },
        { "name: ‸}", "closes what was never opened", "" },
        { "name: ‸|x\n  y\n", "behind `|` or `>` the line must end", "" },
        { "name: ‸- x", "a list is not expected here", "" },
        { "name: \"x\" ‸y", "this does not fit what is above it", "" },
        { "‸%YAML 3.0\n---\nname: shop\n", "a version of YAML that is not known", "" },
        { "name: shop\r\ncomponents:\r\n  a: { ‸pth: app }\r\n", "unknown key `pth`", "" },
        { "name: shop\ncomponents:\n  a: { path: app, x-own: \"ü€𝄞\", ‸pth: b }", "unknown key `pth`", "" },
        { "name: shop\ncomponents:\n  a: { path: app, x: \"‸\u0001\" }", "control character (U+0001)", "remove it" },
        { "name: shop‸\0\ncomponents:", "control character (U+0000)", "" },
        { "name: ‸%shop", "`%` cannot start a value", "" },
        { Head + "‸---\nname: two\n", "a second document starts here", "" },
        { "name: shop\ncomponents:\n  ? ‸[a]\n  : b\n", "a key must be a name", "" },
        { "name: shop\ncomponents: { a: { path: app } }\nx-a: { {‸{a}}: b }\n", "a key must be a name", "needs quotes" },
    };

    [Theory]
    [MemberData(nameof(InSyntax))]
    public void What_is_not_YAML_is_told_at_its_place(string text, string what, string mend) => Check(text, what, mend);

    private static void Check(string marked, string what, string mend)
    {
        var at = marked.IndexOf('‸');
        var before = marked[..at];
        var place = $"{before.Count(c => c == '\n') + 1}:{at - before.LastIndexOf('\n')}";
        using var folder = new TemporaryWorkspace("app/", "lib/", "compose.yml");
        Directory.CreateSymbolicLink(Path.Combine(folder.Root, "link"), Path.GetTempPath());
        var problems = folder.Problems(marked.Replace("‸", ""));
        var problem = problems.FirstOrDefault(p => p.What.Contains(what, StringComparison.Ordinal));
        Assert.True(problem is not null, $"no problem says: {what}\n{string.Join('\n', problems)}");
        Assert.True(folder.Place(problem) == place, $"expected at {place}:\n{problem}");
        Assert.True((problem.Mend ?? "").Contains(mend, StringComparison.Ordinal), $"expected the mend: {mend}\n{problem}");
        Assert.True(problems.Count == 1, $"one mistake, one problem:\n{string.Join('\n', problems)}");
    }
}
