using Laptime.Foundations;
using Laptime.Workspaces.Compose;

namespace Laptime.Tests.Workspaces.Compose;

/// <summary>Files to what they mean, as canonical JSON.</summary>
public sealed class ComposeFileTests
{
    private static string? Environment(string name) => name switch { "TAG" => "2", "N" => "3", "PASSED" => "from outside", "TRUE" => "true", _ => null };

    private static ComposeProject Read(TemporaryWorkspace folder, params string[] files) => ComposeFile.Read([.. files.Select((f, i) => folder.Add($"c{i}.yml", f))], Environment);

    private static string Service(string yaml, string key, params string[] more)
    {
        using var folder = new TemporaryWorkspace("web/");
        folder.Add("web.env", "FILE=1\nBOTH=file");
        var files = (string[])[yaml, .. more];
        var node = Read(folder, [.. files.Select(f => f.Contains("services:", StringComparison.Ordinal) ? f : "services:\n  a:\n" + (f.StartsWith("image", StringComparison.Ordinal) ? "" : "    image: x\n") + Indented(f) + "\n" + Definitions)]).Services[0].Node;
        return node[key] is { } value ? ComposeJson.Canonical(ComposeNode.Map([new ComposeEntry(key, value.At, value)], value.At))[(key.Length + 4)..^1] : "none";
    }

    private const string Definitions = "networks: { n: , m: }\nvolumes: { v: , w: }\nconfigs: { c: { content: x }, d: { content: y } }\nsecrets: { s: { content: x } }\n";

    private static string Indented(string text) => string.Join('\n', text.Split('\n').Select(l => "    " + l));

    public static TheoryData<string, string, string> Forms => new()
    {
        { "ports: ['80']", "ports", """[{"protocol":"tcp","target":80}]""" },
        { "ports: [80]", "ports", """[{"protocol":"tcp","target":80}]""" },
        { "ports: ['8080:80']", "ports", """[{"protocol":"tcp","published":8080,"target":80}]""" },
        { "ports: ['8080:80/udp']", "ports", """[{"protocol":"udp","published":8080,"target":80}]""" },
        { "ports: ['8080:80/TCP']", "ports", """[{"protocol":"tcp","published":8080,"target":80}]""" },
        { "ports: ['127.0.0.1:8080:80']", "ports", """[{"host_ip":"127.0.0.1","protocol":"tcp","published":8080,"target":80}]""" },
        { "ports: ['127.0.0.1::80']", "ports", """[{"host_ip":"127.0.0.1","protocol":"tcp","target":80}]""" },
        { "ports: ['[::1]:8080:80']", "ports", """[{"host_ip":"::1","protocol":"tcp","published":8080,"target":80}]""" },
        { "ports: ['8080-8081:80-81']", "ports", """[{"protocol":"tcp","published":8080,"target":80},{"protocol":"tcp","published":8081,"target":81}]""" },
        { "ports: ['80-81']", "ports", """[{"protocol":"tcp","target":80},{"protocol":"tcp","target":81}]""" },
        { "ports: ['8080-8090:80']", "ports", """[{"protocol":"tcp","published":"8080-8090","target":80}]""" },
        { "ports: ['${N}000:80']", "ports", """[{"protocol":"tcp","published":3000,"target":80}]""" },
        { "ports: [ { target: 80, published: 8080, mode: host } ]", "ports", """[{"mode":"host","published":8080,"target":80}]""" },
        { "ports: [ { target: 80, published: '8080' } ]", "ports", """[{"published":8080,"target":80}]""" },
        { "volumes: [ 'v:/data' ]", "volumes", """[{"source":"v","target":"/data","type":"volume"}]""" },
        { "volumes: [ './d:/data' ]", "volumes", """[{"source":"./d","target":"/data","type":"bind"}]""" },
        { "volumes: [ '/abs:/data:ro' ]", "volumes", """[{"read_only":true,"source":"/abs","target":"/data","type":"bind"}]""" },
        { "volumes: [ '~/d:/data' ]", "volumes", """[{"source":"~/d","target":"/data","type":"bind"}]""" },
        { "volumes: [ '/data' ]", "volumes", """[{"target":"/data","type":"volume"}]""" },
        { "volumes: [ 'v:/data:ro,nocopy' ]", "volumes", """[{"read_only":true,"source":"v","target":"/data","type":"volume","volume":{"nocopy":true}}]""" },
        { "volumes: [ './d:/data:rw,rshared' ]", "volumes", """[{"bind":{"propagation":"rshared"},"source":"./d","target":"/data","type":"bind"}]""" },
        { "volumes: [ { source: v, target: /data } ]", "volumes", """[{"source":"v","target":"/data","type":"volume"}]""" },
        { "volumes: [ { type: tmpfs, target: /t, tmpfs: { size: 100 } } ]", "volumes", """[{"target":"/t","tmpfs":{"size":100},"type":"tmpfs"}]""" },
        { "environment: [ 'A=1', 'B=', 'C=a=b' ]", "environment", """{"A":"1","B":"","C":"a=b"}""" },
        { "environment: { A: 1, B: true, C: 0x10, D: 010, E: 1.50, F: no }", "environment", """{"A":"1","B":"true","C":"0x10","D":"010","E":"1.50","F":"no"}""" },
        { "environment: [ PASSED, GONE ]", "environment", """{"PASSED":"from outside"}""" },
        { "environment: { PASSED: , GONE: }", "environment", """{"PASSED":"from outside"}""" },
        { "environment: { A: '' }", "environment", """{"A":""}""" },
        { "environment: [ 'A=1', 'A=2' ]", "environment", """{"A":"2"}""" },
        { "environment: { A: 'cost $$5' }", "environment", """{"A":"cost $5"}""" },
        { "environment: { A: 'v${TAG}' }", "environment", """{"A":"v2"}""" },
        { "env_file: web.env", "environment", """{"BOTH":"file","FILE":"1"}""" },
        { "env_file: [ web.env ]\nenvironment: { BOTH: own }", "environment", """{"BOTH":"own","FILE":"1"}""" },
        { "env_file: [ { path: gone.env, required: false }, web.env ]", "environment", """{"BOTH":"file","FILE":"1"}""" },
        { "env_file: web.env", "env_file", "none" },
        { "labels: [ a.b=c, d ]", "labels", """{"a.b":"c","d":null}""" },
        { "labels: { a: 1, b: true }", "labels", """{"a":"1","b":"true"}""" },
        { "deploy: { labels: [ 'a=${TAG}' ] }", "deploy", """{"labels":{"a":"2"}}""" },
        { "deploy: { replicas: 2 }", "deploy", """{"replicas":2}""" },
        { "deploy: { replicas: '${N}' }", "deploy", """{"replicas":3}""" },
        { "deploy:\n  replicas: ${N:-1}", "deploy", """{"replicas":3}""" },
        { "deploy: { mode: global }", "deploy", """{"mode":"global"}""" },
        { "deploy: { update_config: { parallelism: 1, delay: 5s, max_failure_ratio: 0.5 } }", "deploy", """{"update_config":{"delay":"5s","max_failure_ratio":0.5,"parallelism":1}}""" },
        { "deploy: { resources: { limits: { cpus: 0.5, memory: 50M } } }", "deploy", """{"resources":{"limits":{"cpus":"0.5","memory":"50M"}}}""" },
        { "deploy: { placement: { constraints: [ node.role == manager ] } }", "deploy", """{"placement":{"constraints":["node.role == manager"]}}""" },
        { "configs: [ c ]", "configs", """[{"source":"c"}]""" },
        { "configs: [ { source: c, target: /etc/c, mode: 0440 } ]", "configs", """[{"mode":288,"source":"c","target":"/etc/c"}]""" },
        { "configs: [ { source: c, target: /etc/c, mode: 0o440, uid: 103 } ]", "configs", """[{"mode":288,"source":"c","target":"/etc/c","uid":"103"}]""" },
        { "secrets: [ s ]", "secrets", """[{"source":"s"}]""" },
        { "networks: [ n, m ]", "networks", """{"m":null,"n":null}""" },
        { "networks: { n: { aliases: [ x ] } }", "networks", """{"n":{"aliases":["x"]}}""" },
        { "healthcheck: { test: curl -f http://x, interval: 5s, retries: 3 }", "healthcheck", """{"interval":"5s","retries":3,"test":["CMD-SHELL","curl -f http://x"]}""" },
        { "healthcheck: { test: [ CMD, curl, 1 ] }", "healthcheck", """{"test":["CMD","curl","1"]}""" },
        { "healthcheck: { disable: true }", "healthcheck", """{"disable":true}""" },
        { "command: [ sleep, 100 ]", "command", """["sleep","100"]""" },
        { "command: echo $${HOME}", "command", "\"echo ${HOME}\"" },
        { "dns: 1.1.1.1", "dns", """["1.1.1.1"]""" },
        { "tmpfs: /run", "tmpfs", """["/run"]""" },
        { "read_only: yes", "read_only", "true" },
        { "init: '${TRUE}'", "init", "true" },
        { "user: 1000", "user", "\"1000\"" },
        { "hostname: 07", "hostname", "\"07\"" },
        { "x-own: { a: 1 }", "x-own", """{"a":1}""" },
        { "something_new: { deep: [ 1, true, null, 'x' ] }", "something_new", """{"deep":[1,true,null,"x"]}""" },
        { "ulimits: { nofile: { soft: 20000, hard: '40000' } }", "ulimits", """{"nofile":{"hard":40000,"soft":20000}}""" },
        { "logging: { driver: json-file, options: { max-size: 10m, max-file: 3 } }", "logging", """{"driver":"json-file","options":{"max-file":"3","max-size":"10m"}}""" },
        { "sysctls: [ net.core.somaxconn=1024 ]", "sysctls", """{"net.core.somaxconn":"1024"}""" },
        { "stop_grace_period: 1m30s", "stop_grace_period", "\"1m30s\"" },
        { "tty: off", "tty", "false" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_of_a_key_has_one_meaning(string yaml, string key, string expected) => Assert.Equal(expected, Service(yaml, key));

    public static TheoryData<string, string, string, string> Joins => new()
    {
        { "command: [ a, b ]", "command: [ c ]", "command", """["c"]""" },
        { "command: a", "command: [ c ]", "command", """["c"]""" },
        { "command: [ a ]", "command:", "command", """["a"]""" },
        { "command: [ a ]", "command: !reset null", "command", "none" },
        { "entrypoint: [ a ]", "entrypoint: b", "entrypoint", "\"b\"" },
        { "healthcheck: { test: [ CMD, a ], interval: 1s }", "healthcheck: { test: b }", "healthcheck", """{"interval":"1s","test":["CMD-SHELL","b"]}""" },
        { "environment: { A: 1, B: 2 }", "environment: [ B=3, C=4 ]", "environment", """{"A":"1","B":"3","C":"4"}""" },
        { "environment: { A: 1, B: 2 }", "environment: { A: !reset null }", "environment", """{"B":"2"}""" },
        { "environment: { A: 1 }", "environment: !override { B: 2 }", "environment", """{"B":"2"}""" },
        { "environment: [ A=1 ]", "environment:", "environment", """{"A":"1"}""" },
        { "labels: [ a=1 ]", "labels: { a: 2, b: 3 }", "labels", """{"a":"2","b":"3"}""" },
        { "ports: ['80:80']", "ports: ['81:81']", "ports", """[{"protocol":"tcp","published":80,"target":80},{"protocol":"tcp","published":81,"target":81}]""" },
        { "ports: ['80:80']", "ports: ['80:80']", "ports", """[{"protocol":"tcp","published":80,"target":80}]""" },
        { "ports: ['80:80']", "ports: !override ['81:80']", "ports", """[{"protocol":"tcp","published":81,"target":80}]""" },
        { "ports: ['80:80']", "ports: !reset []", "ports", "none" },
        { "volumes: [ 'v:/d' ]", "volumes: [ 'w:/d', 'v:/e' ]", "volumes", """[{"source":"w","target":"/d","type":"volume"},{"source":"v","target":"/e","type":"volume"}]""" },
        { "configs: [ c ]", "configs: [ { source: c, target: /x } ]", "configs", """[{"source":"c"},{"source":"c","target":"/x"}]""" },
        { "configs: [ { source: c, target: /x } ]", "configs: [ { source: d, target: /x } ]", "configs", """[{"source":"d","target":"/x"}]""" },
        { "networks: [ n ]", "networks: { n: { aliases: [ y ] }, m: }", "networks", """{"m":null,"n":{"aliases":["y"]}}""" },
        { "networks: { n: { aliases: [ x ] } }", "networks: { n: { aliases: [ y, x ] } }", "networks", """{"n":{"aliases":["x","y"]}}""" },
        { "cap_add: [ A ]", "cap_add: [ B, A ]", "cap_add", """["A","B"]""" },
        { "dns: 1.1.1.1", "dns: [ 8.8.8.8 ]", "dns", """["1.1.1.1","8.8.8.8"]""" },
        { "deploy: { replicas: 1, labels: [ a=1 ] }", "deploy: { replicas: 2, labels: { b: 2 } }", "deploy", """{"labels":{"a":"1","b":"2"},"replicas":2}""" },
        { "deploy: { update_config: { order: start-first, delay: 1s } }", "deploy: { update_config: { delay: 2s } }", "deploy", """{"update_config":{"delay":"2s","order":"start-first"}}""" },
        { "image: a", "image: b:${TAG}", "image", "\"b:2\"" },
        { "x-a: { l: [ 1 ] }", "x-a: { l: [ 2 ], m: 3 }", "x-a", """{"l":[1,2],"m":3}""" },
        { "extra_hosts: [ 'h:1' ]", "extra_hosts: [ 'i:2' ]", "extra_hosts", """["h:1","i:2"]""" },
        { "user: a", "read_only: true", "user", "\"a\"" },
        { "env_file: web.env", "environment: { BOTH: two }", "environment", """{"BOTH":"two","FILE":"1"}""" },
        { "logging: { driver: x, options: { a: 1 } }", "logging: { options: { b: 2 } }", "logging", """{"driver":"x","options":{"a":"1","b":"2"}}""" },
    };

    [Theory]
    [MemberData(nameof(Joins))]
    public void A_later_file_is_joined_to_an_earlier_one_as_compose_joins_them(string below, string above, string key, string expected) =>
        Assert.Equal(expected, Service(below, key, "services:\n  a:\n" + Indented(above)));

    [Theory]
    [InlineData("x-a: &a { user: one }\nservices: { a: { <<: *a, image: x } }", "user", "\"one\"")]
    [InlineData("x-a: &a { user: one, image: y }\nservices: { a: { <<: *a, image: x } }", "image", "\"x\"")]
    [InlineData("x-a: &a { user: one }\nx-b: &b { user: two, tty: true }\nservices: { a: { <<: [*b, *a], image: x } }", "user", "\"two\"")]
    [InlineData("x-a: &a { deploy: { replicas: 2 } }\nservices: { a: { <<: *a, image: x, deploy: { mode: global } } }", "deploy", """{"mode":"global"}""")]
    [InlineData("x-e: &e { A: 1 }\nservices: { a: { image: x, environment: { <<: *e, B: 2 } } }", "environment", """{"A":"1","B":"2"}""")]
    [InlineData("x-l: &l [ '80:80' ]\nservices: { a: { image: x, ports: *l } }", "ports", """[{"protocol":"tcp","published":80,"target":80}]""")]
    [InlineData("x-s: &s v${TAG}\nservices: { a: { image: *s } }", "image", "\"v2\"")]
    [InlineData("x-c: &c { <<: &d { user: u } }\nservices: { a: { <<: *c, image: x } }", "user", "\"u\"")]
    [InlineData("services: { a: { extends: b }, b: { image: x, user: u, ports: ['80'] } }", "user", "\"u\"")]
    [InlineData("services: { a: { extends: { service: b }, user: own }, b: { image: x, user: u } }", "user", "\"own\"")]
    [InlineData("services: { a: { extends: b, environment: { A: 1 } }, b: { extends: c, environment: { B: 2 } }, c: { image: x, environment: [ C=3 ] } }", "environment", """{"A":"1","B":"2","C":"3"}""")]
    [InlineData("services: { a: { extends: b }, b: { image: x } }", "extends", "none")]
    public void Anchors_merge_keys_and_extends_are_followed(string yaml, string key, string expected) => Assert.Equal(expected, Service(yaml, key));

    [Theory]
    [InlineData("services:\n  a: x", "service `a` must be a mapping", "2:3")]
    [InlineData("services:\n  a: { user: x }", "neither `image` nor `build`", "2:3")]
    [InlineData("services:\n  a: { image: x, ports: { a: b } }", "`ports` must be a list", "2:25")]
    [InlineData("services:\n  a: { image: x, ports: [ 'a:b' ] }", "`a:b` is not a port", "2:27")]
    [InlineData("services:\n  a: { image: x, ports: [ '80/http' ] }", "is not a port", "2:27")]
    [InlineData("services:\n  a: { image: x, ports: [ '70000' ] }", "is not a port", "2:27")]
    [InlineData("services:\n  a: { image: x, ports: [ '1-3:1-2' ] }", "different lengths", "2:27")]
    [InlineData("services:\n  a: { image: x, ports: [ { published: 1 } ] }", "needs `target`", "2:27")]
    [InlineData("services:\n  a: { image: x, volumes: [ 'a:b:c:d' ] }", "is not a volume", "2:29")]
    [InlineData("services:\n  a: { image: x, volumes: [ 'gone:/d' ] }", "the volume `gone` is not defined", "2:29")]
    [InlineData("services:\n  a: { image: x, networks: [ gone ] }", "network `gone`, which is not defined", "2:30")]
    [InlineData("services:\n  a: { image: x, configs: [ gone ] }", "no `gone` among the configs", "2:29")]
    [InlineData("services:\n  a: { image: x, secrets: [ { target: x } ] }", "needs `source`", "2:29")]
    [InlineData("services:\n  a: { image: x, depends_on: [ b ] }", "depends on `b`", "2:32")]
    [InlineData("services:\n  a: { image: x, depends_on: [ b ] }\n  b: { image: x, depends_on: { a: } }", "wait for each other: a → b → a", "2:3")]
    [InlineData("services:\n  a: { image: x, environment: 1 }", "must be a mapping or a list", "2:31")]
    [InlineData("services:\n  a: { image: x, environment: { A: [ 1 ] } }", "`environment.A` must be a text", "2:36")]
    [InlineData("services:\n  a: { image: x, environment: [ { A: 1 } ] }", "must be `NAME=value`", "2:33")]
    [InlineData("services:\n  a: { image: [ x ] }", "`image` must be one value", "2:15")]
    [InlineData("services:\n  a: { image: x, deploy: 1 }", "`deploy` must be a mapping", "2:26")]
    [InlineData("services:\n  a: { image: x, deploy: { replicas: two } }", "`replicas` must be a whole number", "2:38")]
    [InlineData("services:\n  a: { image: x, stop_grace_period: 10 }", "must be a duration", "2:37")]
    [InlineData("services:\n  a: { image: x, healthcheck: { interval: soon } }", "must be a duration", "2:43")]
    [InlineData("services:\n  a: { image: x, read_only: perhaps }", "must be true or false", "2:29")]
    [InlineData("services:\n  a: { image: '${TAG:?}${GONE:?say it}' }", "`GONE` is required: say it", "2:15")]
    [InlineData("services:\n  a: { image: 'x${' }", "is not closed", "2:15")]
    [InlineData("services:\n  a: { image: x, env_file: gone.env }", "`gone.env` of service `a` does not exist", "2:28")]
    [InlineData("services:\n  a: { extends: b }", "no service `b` to extend", "2:17")]
    [InlineData("services:\n  a: { extends: a }", "extends itself", "2:17")]
    [InlineData("services:\n  a: { image: x, command: 'say \"it' }", "a quote is not closed", "2:27")]
    [InlineData("services:\n  a: { image: x, command: { a: b } }", "`command` must be a text or a list", "2:27")]
    [InlineData("services:\n  a: { image: x }\nconfigs: { c: { file: gone.conf } }", "`gone.conf` does not exist", "3:23")]
    [InlineData("services:\n  a: { image: x }\nconfigs: { c: {} }", "`c` has no content", "3:12")]
    [InlineData("services:\n  a: { image: x }\nsecrets: { s: { environment: GONE } }", "`GONE` that is the content", "3:12")]
    [InlineData("services:\n  a: { image: x }\nvolumes: [ v ]", "`volumes` must be a mapping", "3:10")]
    [InlineData("services:\n  a: { <<: x, image: x }", "merges mappings", "2:12")]
    [InlineData("services:\n  a: { image: *gone }", "stands for nothing", "2:15")]
    [InlineData("services: [", "not closed", "1:11")]
    [InlineData("version: '3'", "no services", "1:1")]
    [InlineData("- a", "no services", "1:1")]
    [InlineData("", "no services", "1:1")]
    public void A_mistake_is_told_at_its_place(string yaml, string what, string place)
    {
        using var folder = new TemporaryWorkspace();
        var told = Assert.Throws<LapException>(() => Read(folder, yaml)).Problems;
        Assert.Contains(told, p => p.What.Contains(what, StringComparison.Ordinal) && p.Where!.EndsWith(":" + place, StringComparison.Ordinal));
    }

    [Fact]
    public void Mistakes_of_two_files_are_told_together_each_with_its_file()
    {
        using var folder = new TemporaryWorkspace();
        var told = Assert.Throws<LapException>(() => Read(folder, "services:\n  a: { image: x, ports: ['q'] }", "services:\n  a: { ports: ['r'] }")).Problems;
        Assert.Equal(["c0.yml:2:26", "c1.yml:2:16"], told.Select(p => Path.GetFileName(p.Where!)));
    }

    [Fact]
    public void A_key_that_is_nearly_a_known_one_is_told_and_kept()
    {
        using var folder = new TemporaryWorkspace();
        var project = Read(folder, "services:\n  a: { image: x, enviroment: { A: 1 }, wholly_new: 1 }\n");
        var warning = Assert.Single(project.Warnings);
        Assert.Contains("did you mean `environment`?", warning);
        Assert.Contains("2:18", warning);
        Assert.NotNull(project.Services[0].Node["enviroment"]);
    }

    [Fact]
    public void The_env_file_beside_the_first_file_gives_variables_below_those_of_the_environment()
    {
        using var folder = new TemporaryWorkspace();
        folder.Add(".env", "TAG=file\nOTHER=dot");
        var project = Read(folder, "services: { a: { image: 'x:${TAG}-${OTHER}-${GONE}' } }");
        Assert.Equal("x:2-dot-", project.Services[0].Image);
        Assert.Contains("GONE is not set", Assert.Single(project.Warnings));
        Assert.Contains(Path.Combine(folder.Root, ".env"), project.Sources);
        Assert.Equal(["GONE", "OTHER", "TAG"], project.Variables);
    }

    [Fact]
    public void Services_of_a_profile_are_active_when_it_is_asked_for()
    {
        using var folder = new TemporaryWorkspace();
        var file = folder.Add("compose.yml", "services: { a: { image: x }, b: { image: x, profiles: [ debug ] } }");
        Assert.Equal(["a"], ComposeFile.Read([file], _ => null).Services.Select(s => s.Name));
        Assert.Equal(["a", "b"], ComposeFile.Read([file], n => n == "COMPOSE_PROFILES" ? "debug,x" : null).Services.Select(s => s.Name));
    }

    [Fact]
    public void A_config_is_hashed_by_its_content_and_counts_into_the_services_that_use_it()
    {
        using var folder = new TemporaryWorkspace();
        folder.Add("app.conf", "one");
        const string Yaml = "services: { a: { image: x, configs: [ c ] }, b: { image: x } }\nconfigs: { c: { file: app.conf }, old: { external: true, name: real } }";
        var before = Read(folder, Yaml);
        folder.Add("app.conf", "two");
        var after = Read(folder, Yaml);
        Assert.NotEqual(before.Configs[0].Hash, after.Configs[0].Hash);
        Assert.NotEqual(before.Services[0].Settings["config.c"], after.Services[0].Settings["config.c"]);
        Assert.Equal(before.Services[1].Settings, after.Services[1].Settings);
        Assert.Equal((true, "real", null), (after.Configs[1].External, after.Configs[1].ActualName, after.Configs[1].Hash));
    }

    [Fact]
    public void The_order_of_keys_and_the_form_they_are_written_in_change_no_setting()
    {
        using var folder = new TemporaryWorkspace();
        var one = Read(folder, "services: { a: { image: x, user: u, environment: { B: 2, A: 1 }, labels: [ x=1 ], ports: ['80:80'] } }").Services[0].Settings;
        var two = Read(folder, "services:\n  a:\n    ports: [ '80:80/tcp' ]\n    labels: { x: 1 }\n    environment: [ A=1, B=2 ]\n    user: \"u\"\n    image: 'x'\n").Services[0].Settings;
        Assert.Equal(one, two);
    }

    [Theory]
    [InlineData("a b", new[] { "a", "b" })]
    [InlineData("  a   b ", new[] { "a", "b" })]
    [InlineData("a 'b c'", new[] { "a", "b c" })]
    [InlineData("a \"b c\"", new[] { "a", "b c" })]
    [InlineData("a \"b \\\"c\"", new[] { "a", "b \"c" })]
    [InlineData("a\\ b", new[] { "a b" })]
    [InlineData("a''b", new[] { "ab" })]
    [InlineData("''", new[] { "" })]
    [InlineData("sh -c 'echo $X | cat'", new[] { "sh", "-c", "echo $X | cat" })]
    [InlineData("", new string[0])]
    public void A_command_is_split_as_a_shell_splits_it(string text, string[] words) => Assert.Equal(words, ShellWords.Split(text));

    [Fact]
    public void What_a_service_is_made_of_has_types()
    {
        using var folder = new TemporaryWorkspace("web/");
        var web = Read(folder, """
            name: shop
            services:
              web:
                build: { context: web, dockerfile: D, target: t, args: [ A=1, PASSED ] }
                command: serve --port 80
                entrypoint: [ /init ]
                ports: [ '8080:80', { target: 9, mode: host, published: 9009 } ]
                volumes: [ './d:/d:ro', 'v:/v' ]
                depends_on: { db: { condition: service_healthy } }
                healthcheck: { test: [ CMD, check ], interval: 2s, timeout: 1s, start_period: 0s, retries: 4 }
                stop_grace_period: 500ms
                deploy: { replicas: 3, update_config: { order: start-first } }
                networks: { front: { aliases: [ w ] } }
              db: { image: postgres:17, healthcheck: { disable: true } }
            volumes: { v: { driver: local, driver_opts: { type: nfs } } }
            networks: { front: { external: true, name: proxy } }
            """);
        var (service, db) = (web.Services[0], web.Services[1]);
        Assert.Equal(("shop", "web", "D", "t"), (web.Name, service.Build!.Context, service.Build.Dockerfile, service.Build.Target));
        Assert.Equal(new Dictionary<string, string> { ["A"] = "1", ["PASSED"] = "from outside" }, service.Build.Args);
        Assert.Equal(["serve", "--port", "80"], service.Command!);
        Assert.Equal(["/init"], service.Entrypoint!);
        Assert.Equal([new ComposePort(80, 8080, "tcp", null, null), new ComposePort(9, 9009, "tcp", "host", null)], service.Ports);
        Assert.Equal([new ComposeMount("bind", Path.Combine(folder.Root, "d"), "/d", true), new ComposeMount("volume", "v", "/v", false)], service.Mounts);
        Assert.Equal("service_healthy", service.DependsOn["db"]);
        Assert.True(service.Health!.Asks);
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1), TimeSpan.Zero, 4), (service.Health.Interval!.Value, service.Health.Timeout!.Value, service.Health.StartPeriod!.Value, service.Health.Retries!.Value));
        Assert.Equal((TimeSpan.FromMilliseconds(500), 3, "start-first"), (service.StopGrace!.Value, service.Replicas, service.UpdateOrder));
        Assert.Equal(["w"], service.Networks["front"]);
        Assert.False(db.Health!.Asks);
        Assert.Equal(["default"], db.Networks.Keys);
        Assert.Equal((true, "proxy"), (web.Networks[0].External, web.Networks[0].ActualName));
        Assert.Equal("nfs", web.Volumes[0].DriverOptions["type"]);
        Assert.Contains("`deploy`", web.SwarmEvidence);
    }

    [Fact]
    public void A_file_for_the_next_tool_has_its_dollars_doubled_and_its_numbers_as_numbers()
    {
        using var folder = new TemporaryWorkspace();
        var service = Read(folder, "services: { a: { image: x, command: 'echo $$HOME', deploy: { replicas: 2 }, environment: { A: 1 } } }").Services[0];
        Assert.Equal("""{"image":"x","command":"echo $$HOME","deploy":{"replicas":2},"environment":{"A":"1"}}""", System.Text.Encoding.UTF8.GetString(ComposeJson.ForTool(service.Node)));
    }

    [Fact]
    public void A_file_of_aliases_upon_aliases_is_refused_not_written_out()
    {
        using var folder = new TemporaryWorkspace();
        var bomb = "x0: &x0 [a]\n" + string.Concat(Enumerable.Range(1, 60).Select(i => $"x{i}: &x{i} [*x{i - 1}, *x{i - 1}, *x{i - 1}]\n"));
        Assert.Contains("200000 values", Assert.Throws<LapException>(() => Read(folder, bomb + "services: { a: { image: x, ports: *x60 } }")).Message);
    }
}
