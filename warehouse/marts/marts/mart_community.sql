-- People by category of a characteristic and outcome.
with

characteristics as (select * from int_characteristics),

outcomes as (select * from int_outcomes),

final as (
    select
        characteristics.period,
        characteristics.instrument,
        characteristics.characteristic,
        characteristics.category,
        outcomes.target,
        outcomes.outcome,
        cast(count(*) as bigint) as people
    from characteristics
    inner join outcomes on outcomes.assessment_id = characteristics.assessment_id
    group by
        characteristics.period, characteristics.instrument, characteristics.characteristic, characteristics.category,
        outcomes.target, outcomes.outcome
)

select * from final
order by period, instrument, characteristic, category, target, outcome
