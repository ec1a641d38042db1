using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>What kind of value the keys of a compose file want, as far as they are known. A key that is not known is no mistake; one that is nearly a known one is told.</summary>
internal static class ComposeShape
{
    private static readonly string[] Root = ["version", "name", "services", "networks", "volumes", "configs", "secrets", "include"];

    private static readonly string[] Scalars =
    [
        "cgroup", "cgroup_parent", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset",
        "domainname", "hostname", "image", "init", "ipc", "isolation", "mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "network_mode",
        "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform", "privileged", "pull_policy", "read_only", "restart", "runtime", "scale", "shm_size", "stdin_open",
        "stop_grace_period", "stop_signal", "tty", "user", "userns_mode", "uts", "working_dir", "attach", "cgroupns_mode", "use_api_socket", "pull_refresh_after",
    ];

    private static readonly string[] Lists =
    [
        "cap_add", "cap_drop", "configs", "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "expose", "external_links", "group_add", "links", "ports", "profiles",
        "secrets", "security_opt", "tmpfs", "volumes", "volumes_from", "post_start", "pre_stop", "label_file",
    ];

    private static readonly string[] Maps =
        ["annotations", "blkio_config", "credential_spec", "deploy", "depends_on", "environment", "healthcheck", "labels", "logging", "networks", "storage_opt", "sysctls", "ulimits", "build", "develop", "provider", "models"];

    /// <summary>Either form is right.</summary>
    private static readonly string[] Free = ["command", "entrypoint", "env_file", "extends", "extra_hosts", "gpus"];

    private static readonly string[] Known = [.. Scalars, .. Lists, .. Maps, .. Free];

    public static void Check(ComposeNode root, ProblemCollector problems, List<string> warnings)
    {
        foreach (var entry in root.Entries)
        {
            Unknown(entry, "", Root, warnings);
        }

        foreach (var section in (ReadOnlySpan<string>)["networks", "volumes", "configs", "secrets"])
        {
            Want(root[section], YamlKind.Map, section, problems);
            foreach (var entry in root.Given(section)?.Entries ?? [])
            {
                Want(entry.Value, YamlKind.Map, $"{section}.{entry.Key}", problems);
            }
        }

        foreach (var entry in root.Given("services")?.Entries ?? [])
        {
            if (!entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal))
            {
                Service(entry, problems, warnings);
            }
        }
    }

    private static void Service(ComposeEntry service, ProblemCollector problems, List<string> warnings)
    {
        if (service.Value.Kind != YamlKind.Map)
        {
            problems.Add(service.KeyAt, $"service `{ProblemList.Short(service.Key)}` must be a mapping, not {service.Value.Describe()}", "give it an `image` or a `build`");
            return;
        }

        foreach (var entry in service.Value.Entries)
        {
            if (Array.IndexOf(Scalars, entry.Key) >= 0)
            {
                Want(entry.Value, YamlKind.Scalar, entry.Key, problems);
            }
            else if (Array.IndexOf(Lists, entry.Key) >= 0)
            {
                Want(entry.Value, YamlKind.List, entry.Key, problems);
            }
            else if (Array.IndexOf(Maps, entry.Key) >= 0)
            {
                Want(entry.Value, YamlKind.Map, entry.Key, problems);
            }
            else
            {
                Unknown(entry, $"services.{service.Key}.", Known, warnings);
            }
        }

        foreach (var key in (ReadOnlySpan<string>)["command", "entrypoint"])
        {
            if (service.Value.Given(key) is { Kind: YamlKind.Map } words)
            {
                problems.Add(words.At, $"`{key}` must be a text or a list, not a mapping", "a text with `: ` in it needs quotes");
            }
        }
    }

    private static void Want(ComposeNode? node, YamlKind kind, string key, ProblemCollector problems)
    {
        if (node is not null && !node.IsNull && node.Kind != kind)
        {
            var (wanted, mend) = kind switch
            {
                YamlKind.Map => ("a mapping", "write keys and values, indented below it"),
                YamlKind.List => ("a list", "write each entry in its own line, behind a `-`"),
                _ => ("one value", "write it behind the `:`"),
            };
            problems.Add(node.At, $"`{key}` must be {wanted}, not {node.Describe()}", mend);
        }
    }

    private static void Unknown(ComposeEntry entry, string before, string[] known, List<string> warnings)
    {
        if (entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) || Array.IndexOf(known, entry.Key) >= 0)
        {
            return;
        }

        if (NearestName.Of(entry.Key, known) is { } near)
        {
            warnings.Add($"{entry.KeyAt}: `{before}{ProblemList.Short(entry.Key)}` is not a key that lap knows (did you mean `{near}`?): it is passed on as it is");
        }
    }
}
