using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>The highest fencing token seen of each environment: whoever comes with a lower one has lost the lock meanwhile. Outlives the agent.</summary>
internal sealed class Fences
{
    private readonly string file;
    private readonly Dictionary<string, long> highest = [];

    internal Fences(AgentFolder folder)
    {
        file = Path.Combine(folder.Run, "fences.json");
        if (File.Exists(file))
        {
            highest = JsonSerializer.Deserialize(File.ReadAllBytes(file), FenceJson.Default.DictionaryStringInt64) ?? [];
        }
    }

    /// <exception cref="RefusedException">A higher one was seen.</exception>
    internal void Check(string environment, long fence)
    {
        var seen = highest.GetValueOrDefault(environment);
        if (fence < seen)
        {
            throw new RefusedException(
                Outcome.Locked, $"this command lost the lock of {environment}: its fencing token is {fence}, {seen} was seen", environment, "run it again");
        }

        if (fence > seen)
        {
            highest[environment] = fence;
            AtomicFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(highest, FenceJson.Default.DictionaryStringInt64));
        }
    }
}

[JsonSerializable(typeof(Dictionary<string, long>))]
internal sealed partial class FenceJson : JsonSerializerContext;
