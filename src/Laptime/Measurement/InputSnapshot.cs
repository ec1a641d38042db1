using System.Text.Json.Serialization;
using Laptime.Fingerprints;

namespace Laptime.Measurement;

/// <summary>Everything that is known to decide how long a deploy takes, at one moment: inputs, settings, tools, lap itself.</summary>
public sealed record InputSnapshot
{
    public required DateTimeOffset At { get; init; }

    /// <summary>The git commit; null outside git.</summary>
    public string? Revision { get; init; }

    public bool? Dirty { get; init; }

    public required string Lap { get; init; }

    public required MachineReport Machine { get; init; }

    /// <summary>See <see cref="Measurement.Settings.Flatten"/>.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>Kept apart in the journal: they may be large.</summary>
    [JsonIgnore]
    public IReadOnlyList<ComponentFingerprint> Components { get; init; } = [];

    /// <summary>What is different now, one entry for each thing that somebody may have changed on purpose. What only follows from another change is none.</summary>
    public IReadOnlyList<InputChange> ChangesTo(InputSnapshot now)
    {
        var changes = new List<InputChange>();
        AddSettings(now, changes);
        var settings = changes.Count > 0;
        AddParts(now, settings, changes);
        if (Lap != now.Lap)
        {
            changes.Add(new InputChange("lap itself", [$"{Lap} → {now.Lap}"]));
        }

        if (Machine.Id != now.Machine.Id)
        {
            changes.Add(new InputChange("the machine", [$"{Machine.Text} → {now.Machine.Text}"]));
        }

        return changes;
    }

    private void AddSettings(InputSnapshot now, List<InputChange> changes)
    {
        var (old, @new) = (Names(Settings), Names(now.Settings));
        var whole = old.Except(@new).Concat(@new.Except(old)).ToHashSet(StringComparer.Ordinal);
        foreach (var group in Settings.Keys.Union(now.Settings.Keys).Where(k => Settings.GetValueOrDefault(k) != now.Settings.GetValueOrDefault(k))
            .Order(StringComparer.Ordinal).GroupBy(k => Measurement.Settings.Thing(k, whole)))
        {
            changes.Add(new InputChange(group.Key, whole.Contains(group.Key.Split(' ')[^1]) && group.Key.StartsWith("component ", StringComparison.Ordinal)
                ? [@new.Contains(group.Key.Split(' ')[^1]) ? "is new" : "is gone"]
                : [.. group.Select(k => Measurement.Settings.IsPrivate(k) ? $"{k} changed" : $"{k}: {Short(Settings.GetValueOrDefault(k))} → {Short(now.Settings.GetValueOrDefault(k))}")]));
        }

        static HashSet<string> Names(IReadOnlyDictionary<string, string> settings) =>
            [.. settings.Keys.Where(k => k.StartsWith("components.", StringComparison.Ordinal)).Select(k => k.Split('.')[1])];
    }

    /// <param name="settings">The settings changed: then steps and profiles are told there.</param>
    private void AddParts(InputSnapshot now, bool settings, List<InputChange> changes)
    {
        // The same fact in several components (a shared file, a tool) is one change.
        var owners = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        var files = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var after in now.Components)
        {
            if (Components.FirstOrDefault(c => c.Component == after.Component) is not { } before)
            {
                continue;
            }

            var diff = FingerprintDiff.Between(before, after);
            foreach (var file in diff.Names(PartKind.File))
            {
                Add(files, file, after.Component);
            }

            foreach (var kind in (PartKind[])[PartKind.Variable, PartKind.Platform, PartKind.Tool])
            {
                foreach (var name in diff.Names(kind))
                {
                    Add(owners, kind == PartKind.Platform ? "platform" : $"{(kind == PartKind.Variable ? "variable" : "tool")} {name}", after.Component);
                }
            }

            foreach (var kind in settings ? [] : (PartKind[])[PartKind.Step, PartKind.Profile, PartKind.Setting])
            {
                foreach (var name in diff.Names(kind))
                {
                    Add(owners, kind == PartKind.Profile ? $"profile ({name})" : $"{(kind == PartKind.Step ? "step" : "setting")} {name} of {after.Component}", after.Component);
                }
            }
        }

        changes.AddRange(files.GroupBy(f => string.Join(", ", f.Value)).Select(g => new InputChange($"inputs of {g.Key}", [.. g.Select(f => f.Key)])));
        changes.AddRange(owners.Select(o => new InputChange(o.Key, [$"of {string.Join(", ", o.Value)}"])));

        static void Add(SortedDictionary<string, SortedSet<string>> to, string what, string component)
        {
            if (!to.TryGetValue(what, out var components))
            {
                to.Add(what, components = new SortedSet<string>(StringComparer.Ordinal));
            }

            components.Add(component);
        }
    }

    private static string Short(string? text) => text is null ? "(none)" : text.ReplaceLineEndings(" ") is { Length: > 60 } line ? line[..59] + "…" : text.ReplaceLineEndings(" ");
}

/// <param name="What">One thing, such as <c>step lint of gateway</c> or <c>inputs of gateway</c>.</param>
/// <param name="Detail">The files, or the old and the new values.</param>
public sealed record InputChange(string What, IReadOnlyList<string> Detail);
