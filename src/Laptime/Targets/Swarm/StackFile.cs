using Laptime.Foundations;
using Laptime.Workspaces.Compose;
using Laptime.Workspaces.Yaml;

namespace Laptime.Targets.Swarm;

/// <summary>One service as it is handed to <c>docker stack deploy</c>.</summary>
/// <param name="Image">Pinned: <c>sha256:…</c> (an image's id) or <c>repo@sha256:…</c>.</param>
/// <param name="Labels">Of the service.</param>
/// <param name="ContainerLabels">Of its containers; what changes with every deploy does not belong here: it would make every task new.</param>
/// <param name="Environment">Added to the service's own.</param>
internal sealed record StackService(
    string Name, string Image, IReadOnlyDictionary<string, string> Labels, IReadOnlyDictionary<string, string> ContainerLabels, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Where the service is from.</summary>
    public required ComposeProject Project { get; init; }

    /// <summary>Program and arguments, in place of what the image starts; null: what the file says, else the image's own.</summary>
    public IReadOnlyList<string>? Command { get; init; }
}

/// <summary>
/// The file that <c>docker stack deploy</c> gets: only the services that must change (an update that changes nothing makes the engine forget what it could go back to), images by digest,
/// configs and secrets under names that follow from their content, and nothing that only compose knows.
/// </summary>
internal static class StackFile
{
    /// <summary>Keys of a service that stacks have no place for.</summary>
    private static readonly string[] ComposeOnly =
    [
        "build", "depends_on", "container_name", "restart", "profiles", "extends", "develop", "pull_policy", "links", "external_links", "platform", "scale", "network_mode", "attach", "annotations",
        "mem_limit", "memswap_limit", "mem_reservation", "mem_swappiness", "cpus", "cpu_count", "cpu_percent", "cpu_shares", "cpu_quota", "cpu_period", "cpuset", "pids_limit", "provider", "models", "gpus",
        "post_start", "pre_stop", "label_file", "blkio_config", "device_cgroup_rules", "runtime", "storage_opt", "uts", "volumes_from", "group_add", "oom_score_adj", "oom_kill_disable",
        "cgroup", "cgroup_parent", "ipc", "mac_address", "privileged", "security_opt", "shm_size", "use_api_socket",
    ];

    /// <summary>Keys that were left out silently would change what runs: they are told.</summary>
    private static readonly string[] Silent = ["build", "depends_on", "container_name", "profiles", "extends", "develop", "pull_policy", "platform", "attach", "restart", "scale"];

    private static readonly SourceLocation Here = new("stack", 1, 1);

    /// <summary>The name that a config or secret has in the swarm: its own and its content's.</summary>
    /// <exception cref="FaultException">It is longer than a name may be.</exception>
    public static string NameOf(ComposeContent content, string stack)
    {
        if (content.External)
        {
            return content.ActualName ?? content.Name;
        }

        var name = $"{content.ActualName ?? $"{stack}_{content.Name}"}-{content.Hash}";
        return name.Length <= 64 ? name : throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"the name of `{content.Name}` in the swarm would have {name.Length} characters (`{name}`): 64 are allowed", content.At.ToString(),
            "give it a short `name`, or the workspace a shorter one"));
    }

    /// <summary>Whether a service reaches its users by a port of the node itself, which an old and a new task cannot have both.</summary>
    public static bool HasHostPort(ComposeService service, bool ingressWorks) => service.Ports.Any(p => p.Published is not null && (p.Mode == "host" || (p.Mode is null && !ingressWorks)));

    /// <summary>What of the service stacks have no place for and what is done instead, in words.</summary>
    public static IReadOnlyList<string> Notes(ComposeService service, bool ingressWorks)
    {
        var notes = new List<string>();
        var left = service.Node.Entries.Where(static e => Array.IndexOf(ComposeOnly, e.Key) >= 0 && Array.IndexOf(Silent, e.Key) < 0).Select(static e => $"`{e.Key}` ({e.KeyAt})").ToList();
        if (left.Count > 0)
        {
            notes.Add($"Swarm has no place for {string.Join(", ", left)}: left out");
        }

        if (service.Ports.Any(static p => p.HostAddress is not null))
        {
            notes.Add("Swarm publishes ports on all addresses of the node: the address in `ports` is left out");
        }

        if (!ingressWorks && service.Ports.Any(static p => p is { Published: not null, Mode: null }))
        {
            notes.Add("this kernel has no IPVS, so ports are published in `mode: host`, and names lead to tasks directly (`endpoint_mode: dnsrr`)");
        }

        return notes;
    }

    /// <param name="contentFile">Path of a file with the content of a config or secret.</param>
    /// <param name="version">The file's version, for docker commands that ask for one; null: none.</param>
    /// <param name="ingressWorks">False where the kernel has no IPVS.</param>
    public static byte[] Write(
        ComposeProject project, string stack, IReadOnlyList<StackService> services, IReadOnlyDictionary<string, string> labels, Func<ComposeContent, string> contentFile, string? version, bool ingressWorks)
    {
        var written = services.Select(s => (Service: project.Find(s.Name)!, Node: Service(project.Find(s.Name)!, s, ingressWorks))).ToList();
        var root = ComposeNode.Map([], Here);
        if (version is not null)
        {
            root = root.With("version", Text(version));
        }

        root = root.With("services", Map(written.Select(static w => (w.Service.Name, w.Node))));
        root = Section(root, "networks", project.Networks.Where(n => written.Any(w => w.Service.Networks.ContainsKey(n.Name))).Select(static n => (n.Name, n.Node ?? ComposeNode.Map([], Here))));
        root = Section(root, "volumes", project.Volumes.Where(v => written.Any(w => w.Service.Mounts.Any(m => m.Type == "volume" && m.Source == v.Name))).Select(static v => (v.Name, v.Node ?? ComposeNode.Map([], Here))));
        root = Section(root, "configs", project.Configs.Where(c => written.Any(w => w.Service.Configs.Contains(c.Name))).Select(c => (c.Name, Content(c, stack, labels, contentFile))));
        root = Section(root, "secrets", project.Secrets.Where(c => written.Any(w => w.Service.Secrets.Contains(c.Name))).Select(c => (c.Name, Content(c, stack, labels, contentFile))));
        return ComposeJson.ForTool(root);
    }

    /// <summary>One service as <see cref="Write"/> writes it, to be written again later: contents are named only, which the swarm has.</summary>
    /// <param name="service">With what belongs to the settings; what is of one deploy only is added each time.</param>
    /// <param name="own">What lap has to know beside the service.</param>
    public static byte[] Kept(string stack, StackService service, IReadOnlyDictionary<string, string> own, bool ingressWorks)
    {
        var (project, written) = (service.Project, service.Project.Find(service.Name)!);
        var root = ComposeNode.Map([], Here).With(KeptStack.Own, Map(own.Select(static o => (o.Key, Text(o.Value)))));
        root = root.With("services", Map([(service.Name, Service(written, service, ingressWorks))]));
        root = Section(root, "networks", project.Networks.Where(n => written.Networks.ContainsKey(n.Name)).Select(static n => (n.Name, n.Node ?? ComposeNode.Map([], Here))));
        root = Section(root, "volumes", project.Volumes.Where(v => written.Mounts.Any(m => m.Type == "volume" && m.Source == v.Name)).Select(static v => (v.Name, v.Node ?? ComposeNode.Map([], Here))));
        root = Section(root, "configs", project.Configs.Where(c => written.Configs.Contains(c.Name)).Select(c => (c.Name, Named(c, stack))));
        root = Section(root, "secrets", project.Secrets.Where(c => written.Secrets.Contains(c.Name)).Select(c => (c.Name, Named(c, stack))));
        return ComposeJson.ForTool(root);
    }

    private static ComposeNode Service(ComposeService service, StackService wanted, bool ingressWorks)
    {
        var node = service.Node;
        foreach (var key in ComposeOnly)
        {
            node = node.With(key, null);
        }

        foreach (var entry in node.Entries.Where(static e => e.Key.StartsWith("x-", StringComparison.Ordinal)).ToList())
        {
            node = node.With(entry.Key, null);
        }

        node = node.With("image", Text(wanted.Image));
        if (wanted.Command is [var program, ..])
        {
            node = node.With("entrypoint", List([program])).With("command", List(wanted.Command.Skip(1)));
        }

        node = Added(node, "environment", wanted.Environment);
        node = Added(node, "labels", wanted.ContainerLabels);
        var deploy = Added(node.Given("deploy") ?? ComposeNode.Map([], Here), "labels", wanted.Labels);
        if (service.Node.TextOf("scale") is { } scale && deploy.Given("replicas") is null)
        {
            deploy = deploy.With("replicas", ComposeNode.Scalar(scale, Here, plain: true));
        }

        if (!ingressWorks && deploy.Given("endpoint_mode") is null)
        {
            deploy = deploy.With("endpoint_mode", Text("dnsrr"));
        }

        node = node.With("deploy", deploy);
        if (node.Given("ports") is { } ports)
        {
            node = node.With("ports", ports with { Items = [.. ports.Items.Select(p => Port(p, ingressWorks))] });
        }

        if (node.Given("volumes") is { } volumes)
        {
            node = node.With("volumes", volumes with { Items = [.. volumes.Items.Select((v, i) => service.Mounts[i] is { Type: "bind", Source: { } source } ? v.With("source", Text(source)) : v)] });
        }

        return node;
    }

    private static ComposeNode Port(ComposeNode port, bool ingressWorks)
    {
        port = port.With("host_ip", null).With("name", null).With("app_protocol", null);
        return !ingressWorks && port.Given("published") is not null && port.Given("mode") is null ? port.With("mode", Text("host")) : port;
    }

    private static ComposeNode Content(ComposeContent content, string stack, IReadOnlyDictionary<string, string> labels, Func<ComposeContent, string> contentFile)
    {
        if (content.External)
        {
            return Named(content, stack);
        }

        var node = (content.Node ?? ComposeNode.Map([], Here)).With("content", null).With("environment", null);
        return Added(node.With("name", Text(NameOf(content, stack))).With("file", Text(contentFile(content))), "labels", labels);
    }

    private static ComposeNode Named(ComposeContent content, string stack) =>
        ComposeNode.Map([Entry("external", ComposeNode.Scalar("true", Here, plain: true)), Entry("name", Text(NameOf(content, stack)))], Here);

    private static ComposeNode Added(ComposeNode node, string key, IReadOnlyDictionary<string, string> texts)
    {
        var map = node.Given(key) ?? ComposeNode.Map([], Here);
        foreach (var (name, value) in texts)
        {
            map = map.With(name, Text(value));
        }

        return map.Entries.Count == 0 ? node : node.With(key, map);
    }

    private static ComposeNode Section(ComposeNode root, string key, IEnumerable<(string Name, ComposeNode Node)> entries) =>
        Map(entries) is { Entries.Count: > 0 } map ? root.With(key, map) : root;

    private static ComposeNode Map(IEnumerable<(string Name, ComposeNode Node)> entries) => ComposeNode.Map([.. entries.Select(static e => Entry(e.Name, e.Node))], Here);

    private static ComposeEntry Entry(string key, ComposeNode value) => new(key, Here, value);

    private static ComposeNode List(IEnumerable<string> texts) => ComposeNode.List([.. texts.Select(Text)], Here);

    private static ComposeNode Text(string text) => ComposeNode.Scalar(text, Here);
}
