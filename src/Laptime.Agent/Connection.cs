using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>One connection to the agent, and the rollout that is under way on it.</summary>
internal sealed class Connection(AgentParts agent, Stream stream)
{
    private Rollout? rollout;

    internal async Task RunAsync(Action end, CancellationToken cancel)
    {
        var lines = new LineReader(stream, AgentProtocol.LongestLine);
        while (await lines.ReadAsync(cancel) is { } line)
        {
            if (line.Span.StartsWith("noop "u8))
            {
                var words = Encoding.UTF8.GetString(line.Span).Split(' ');
                var text = await agent.NoOp.AnswerAsync(words.ElementAtOrDefault(1) ?? "", words.ElementAtOrDefault(2) ?? "-", cancel);
                await stream.WriteAsync(Encoding.UTF8.GetBytes(text), cancel);
                continue;
            }

            var request = JsonSerializer.Deserialize(line.Span, AgentJson.Default.AgentRequest)!;
            AgentAnswer answer;
            try
            {
                answer = await AnswerAsync(request, cancel);
            }
            catch (RefusedException e)
            {
                answer = e.Answer;
            }

            byte[] message = [.. JsonSerializer.SerializeToUtf8Bytes(answer, AgentJson.Default.AgentAnswer), (byte)'\n'];
            await stream.WriteAsync(message, CancellationToken.None);
            if (request is AgentRequest.Shutdown)
            {
                end();
                return;
            }
        }
    }

    /// <summary>The connection is over: an unfinished rollout of it is undone or left as it is.</summary>
    internal Task AbandonAsync() => rollout is { Over: false } ? agent.Rollouts.AbandonAsync(rollout) : Task.CompletedTask;

    private async Task<AgentAnswer> AnswerAsync(AgentRequest request, CancellationToken cancel)
    {
        switch (request)
        {
            case AgentRequest.Hello:
                return new AgentAnswer.Welcome(AgentProtocol.Version, agent.Version, Environment.ProcessId);
            case AgentRequest.Observe observe:
                return new AgentAnswer.Observations(await Task.WhenAll(agent.Observer.Read(observe.Environment).Select(r => StateAsync(r, cancel))));
            case AgentRequest.Begin begin:
                await AbandonAsync();
                (rollout, var begun) = await agent.Rollouts.BeginAsync(begin, cancel);
                return begun;
            case AgentRequest.Start start:
                return await agent.Rollouts.StartAsync(Rollout, start.Plan);
            case AgentRequest.AskLife life:
                return await LifeAsync(life.Instance, cancel);
            case AgentRequest.Switch:
                await agent.Rollouts.SwitchAsync(Rollout, cancel);
                return new AgentAnswer.Done();
            case AgentRequest.AskEvidence:
                return Evidence();
            case AgentRequest.Confirm:
                agent.Rollouts.Confirm(Rollout);
                return new AgentAnswer.Done();
            case AgentRequest.Abort:
                var undo = rollout is { Over: false };
                await (undo ? agent.Rollouts.AbortAsync(rollout!) : Task.CompletedTask);
                return new AgentAnswer.Done(undo);
            case AgentRequest.Settle:
                await Rollout.Retirement.WaitAsync(cancel);
                return new AgentAnswer.Done();
            case AgentRequest.Stop stop:
                return new AgentAnswer.Done(await agent.Rollouts.StopAsync(stop.Environment, stop.Component, stop.Fence));
            case AgentRequest.AskPlaces places:
                return new AgentAnswer.Places(agent.Supervisor.PlacesOf(places.Environment, places.Component));
            case AgentRequest.Lead lead:
                await agent.Leads.LeadAsync(lead, cancel);
                return new AgentAnswer.Done();
            case AgentRequest.Drain drain:
                await agent.Leads.DrainAsync(drain.Environment, drain.Component, cancel);
                return new AgentAnswer.Done();
            case AgentRequest.EndLead over:
                return new AgentAnswer.Done(await agent.Leads.EndAsync(over.Environment, over.Component));
            case AgentRequest.AskLeads leads:
                return new AgentAnswer.Leads(agent.Leads.Read(leads.Environment));
            case AgentRequest.LookAt lookAt:
                return new AgentAnswer.Done(await agent.Engines.LookAtAsync(lookAt, cancel));
            case AgentRequest.Watch directories:
                return new AgentAnswer.Watching(agent.Watch.Start(directories.Environment, directories.Directories));
            case AgentRequest.AskStatus:
                return Status();
            case AgentRequest.Shutdown shutdown:
                await (shutdown.Instances == "stop" ? agent.Rollouts.StopAllAsync() : Task.CompletedTask);
                return new AgentAnswer.Done();
            default:
                throw new UnreachableException();
        }
    }

    private async Task<ComponentState> StateAsync(Observer.Reading reading, CancellationToken cancel)
    {
        var ready = agent.Signals.ReadyAsync(reading, cancel);
        var reflected = agent.Signals.ReflectedAsync(reading, cancel);
        return Observer.StateOf(reading) with { Ready = (await ready).Text(), Reflected = (await reflected).Text() };
    }

    private Rollout Rollout => rollout ?? throw new RefusedException(Outcome.RolloutFailed, "no rollout was begun on this connection");

    private async Task<AgentAnswer> LifeAsync(string id, CancellationToken cancel)
    {
        Instance? instance;
        lock (agent.Supervisor.Gate)
        {
            instance = rollout?.Revision?.Instances.FirstOrDefault(i => i.Id == id);
        }

        if (instance is null)
        {
            return new AgentAnswer.LifeOf("not an instance of this rollout", null, null, 0, []);
        }

        if (instance.IsAlive)
        {
            return new AgentAnswer.LifeOf("running", null, null, 0, []);
        }

        // Dead a moment before it is reaped.
        await instance.Exited.Task.WaitAsync(TimeSpan.FromSeconds(1), agent.Clock, cancel);
        var tail = instance.Tail(rollout!.Revision!.Plan, 20);
        return new AgentAnswer.LifeOf(
            instance.GivenUpAfter > 0 ? "crash-loop" : "exited", instance.LastExit?.Code, instance.LastExit?.Signal, instance.GivenUpAfter, tail);
    }

    private AgentAnswer.Evidence Evidence()
    {
        if (Rollout is not { Switched: true, Revision: { } revision })
        {
            return new AgentAnswer.Evidence("fail", null, 0, 0, "nothing was switched");
        }

        var reading = agent.Observer.Read(revision);
        var verdict = !reading.FrontLeads || reading.HoldPorts == false || reading.Alive.Count < reading.Wanted ? "fail" : reading.HoldPorts is null ? "unknown" : "pass";
        var why = verdict == "fail" ? reading.Detail : verdict == "unknown" ? "nobody can say which process holds the port" : null;
        return new AgentAnswer.Evidence(verdict, revision.Labels.Revision, reading.Alive.Count, reading.Wanted, why);
    }

    private AgentAnswer.Status Status()
    {
        lock (agent.Supervisor.Gate)
        {
            var all = agent.Supervisor.Revisions;
            return new AgentAnswer.Status(
                Environment.ProcessId, agent.Version, agent.Since, all.DistinctBy(r => (r.Labels.Environment, r.Labels.Component)).Count(),
                all.SelectMany(r => r.Instances).Count(i => i.IsAlive), agent.Watch.State);
        }
    }
}
