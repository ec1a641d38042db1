using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>
/// Fronts that lead to what somebody else runs (containers): the agent neither starts nor watches it, it only forwards. Written down before it shows, so that the next
/// agent leads there again.
/// </summary>
internal sealed class Leads(Fronts fronts, AgentFolder folder, TimeProvider clock, Background background)
{
    private readonly Lock gate = new();
    private readonly Dictionary<(string Environment, string Component), Lead> leads = [];
    private readonly string file = folder.Leads;

    internal int Count
    {
        get
        {
            lock (gate)
            {
                return leads.Count;
            }
        }
    }

    /// <summary>Swaps the front's route; opens the front first when it is not ours yet. What the route led to before may finish what is under way there.</summary>
    /// <exception cref="RefusedException">The port is somebody else's.</exception>
    internal async Task LeadAsync(AgentRequest.Lead request, CancellationToken cancel)
    {
        var front = await fronts.OpenAsync(request.FrontPort, request.Environment, request.Component, cancel);
        var key = (request.Environment, request.Component);
        int? other;
        lock (gate)
        {
            var before = leads.GetValueOrDefault(key);
            other = before is not null && before.FrontPort != request.FrontPort ? before.FrontPort : null;
            // The same address is the same upstream, also on the way back: what is under way there counts on.
            IReadOnlyList<Upstream> known = before is null ? [] : [.. before.Upstreams, .. before.Left];
            Upstream[] upstreams = [.. request.Backends.Select(b => known.FirstOrDefault(u => u.Instance == b.Name && u.Port == b.Port) ?? new Upstream(b.Name) { Port = b.Port })];
            var lead = new Lead(request.Component, request.FrontPort, request.Revision, upstreams, [.. known.Except(upstreams)], request.DrainSeconds);
            leads[key] = lead;
            Remember();
            front.Route = lead.Route;
        }

        await (other is null ? Task.CompletedTask : fronts.CloseAsync(other));
    }

    /// <summary>Waits, as long as draining may take, until nothing is under way on what the route led to before; then closes upgraded connections there.</summary>
    internal Task DrainAsync(string environment, string component, CancellationToken cancel)
    {
        lock (gate)
        {
            if (!leads.TryGetValue((environment, component), out var lead))
            {
                return Task.CompletedTask;
            }

            Upstream[] left = [.. lead.Left];
            lead.Left.Clear();
            return Task.WhenAll(left.Select(u => LeaveAsync(u, lead.DrainSeconds))).WaitAsync(cancel);
        }
    }

    /// <summary>Closes the front; false when there was none.</summary>
    internal async Task<bool> EndAsync(string environment, string component)
    {
        Lead? lead;
        lock (gate)
        {
            if (!leads.Remove((environment, component), out lead))
            {
                return false;
            }

            if (fronts.Find(lead.FrontPort) is { } front)
            {
                front.Route = null;
            }

            Remember();
        }

        await Task.WhenAll([.. lead.Left.Concat(lead.Upstreams).Select(u => LeaveAsync(u, lead.DrainSeconds))]);
        await fronts.CloseAsync(lead.FrontPort);
        return true;
    }

    internal IReadOnlyList<LeadState> Read(string environment)
    {
        lock (gate)
        {
            return [.. leads.Where(l => l.Key.Environment == environment).Select(l => ReadingOf(l.Key.Environment, l.Value))];
        }
    }

    /// <summary>Takes over what the agent before this one led to.</summary>
    internal async Task ResumeAsync(CancellationToken cancel)
    {
        if (LeadList.Read(file) is not { } list || !folder.IsOurs(list.Folder))
        {
            return;
        }

        lock (gate)
        {
            foreach (var state in list.Leads)
            {
                leads[(state.Environment, state.Component)] = new Lead(
                    state.Component, state.FrontPort, state.Revision, [.. state.Backends.Select(b => new Upstream(b.Name) { Port = b.Port })], [], state.DrainSeconds);
            }
        }

        await ReclaimFrontsAsync(cancel);
    }

    /// <summary>Takes back the front ports that could not be had before.</summary>
    internal async Task ReclaimFrontsAsync(CancellationToken cancel)
    {
        KeyValuePair<(string Environment, string Component), Lead>[] without;
        lock (gate)
        {
            without = [.. leads.Where(l => fronts.Find(l.Value.FrontPort) is null)];
        }

        foreach (var (key, lead) in without)
        {
            try
            {
                var front = await fronts.OpenAsync(lead.FrontPort, key.Environment, key.Component, cancel);
                lock (gate)
                {
                    front.Route = leads.GetValueOrDefault(key)?.Route;
                }
            }
            catch (RefusedException)
            {
                // Shown by status as not leading, and tried again.
            }
        }
    }

    private LeadState ReadingOf(string environment, Lead lead)
    {
        var leadsThere = fronts.Find(lead.FrontPort) is { } front && ReferenceEquals(front.Route, lead.Route);
        var holder = leadsThere ? null : PortListener.HolderOf(lead.FrontPort) is var (pid, program) && pid != Environment.ProcessId ? $"{program} (pid {pid})" : null;
        return lead.StateIn(environment) with { Leads = leadsThere, Holder = holder };
    }

    private Task LeaveAsync(Upstream upstream, double drainSeconds)
    {
        var task = DrainAsync();
        background.Add(task);
        return task;

        async Task DrainAsync()
        {
            // Not on the caller's time: it holds the lock.
            await Task.Yield();
            await upstream.DrainAsync(TimeSpan.FromSeconds(drainSeconds), clock);
            upstream.Dispose();
        }
    }

    private void Remember()
    {
        if (leads.Count == 0)
        {
            File.Delete(file);
            return;
        }

        AtomicFile.Write(
            file, JsonSerializer.SerializeToUtf8Bytes(new LeadList(folder.Mark(), [.. leads.Select(l => l.Value.StateIn(l.Key.Environment))]), LeadJson.Default.LeadList),
            durable: false, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <param name="left">What it led to before and has not drained yet.</param>
    private sealed class Lead(string component, int frontPort, string revision, IReadOnlyList<Upstream> upstreams, List<Upstream> left, double drainSeconds)
    {
        internal int FrontPort => frontPort;

        internal IReadOnlyList<Upstream> Upstreams => upstreams;

        internal List<Upstream> Left => left;

        internal double DrainSeconds => drainSeconds;

        /// <summary>One object: whether the front leads here is whether it has this one.</summary>
        internal Route Route { get; } = new(component, revision, upstreams);

        internal LeadState StateIn(string environment) => new()
        {
            Environment = environment, Component = component, FrontPort = frontPort, Revision = revision,
            Backends = [.. upstreams.Select(u => new Backend(u.Instance, u.Port))], DrainSeconds = drainSeconds,
        };
    }
}

internal sealed record LeadList(string? Folder, IReadOnlyList<LeadState> Leads)
{
    internal static LeadList? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), LeadJson.Default.LeadList);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new LapException($"the list of what the fronts lead to cannot be read: {e.Message}", file, "remove it, then deploy again: the containers run on");
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(LeadList))]
internal sealed partial class LeadJson : JsonSerializerContext;
